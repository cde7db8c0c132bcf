"""What the files of the project say, and what they must not say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def test_no_tracked_file_names_a_package_index() -> None:
    """Requirement files carry hashes and no addresses; installing is the machine's business."""
    root = Path(__file__).parent.parent
    names = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    hosts = ("py" + "pi.org", "python" + "hosted", "registry." + "npmjs", "deb." + "debian")
    texts = {
        name: (root / name).read_text("utf-8", "replace")
        for name in names
        if (root / name).is_file()
    }
    assert not [name for name, text in texts.items() if any(host in text for host in hosts)]


def test_only_one_of_passlib_and_libpass_is_pinned() -> None:
    """They overwrite each other's files."""
    pinned = (Path(__file__).parent.parent / "requirements" / "run.txt").read_text("utf-8")
    assert re.search(r"^libpass==", pinned, re.MULTILINE)
    assert not re.search(r"^passlib==", pinned, re.MULTILINE)
