"""The README's commands, pasted into a shell."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.process import environment, serving

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
DEFAULT_URL = "http://127.0.0.1:8000"


def paste(block: str, base_url: str, folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.replace(DEFAULT_URL, base_url)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_tour_works_when_pasted(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        printed = paste(BLOCKS[0], server.base_url, tmp_path).splitlines()
    answers = [json.loads(line) for line in printed if line.startswith("{")]
    webfinger, registered, token, rotated, read, updated, gone = answers
    assert webfinger["links"][0]["href"] == server.base_url
    assert registered["client_name#fr"] == "Exemple de client"
    assert token["scope"] == "profile"
    assert rotated["client_secret"] not in {registered["client_secret"], None}
    assert rotated["client_secrets"][0]["id"] == rotated["id"]
    assert read["client_id"] == registered["client_id"]
    assert (updated["client_name"], "client_name#fr" in updated) == ("Renamed client", False)
    assert "204" in printed
    assert gone["error"] == "invalid_token"


def test_the_refusal_tells_all_reasons(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        answer = json.loads(paste(BLOCKS[1], server.base_url, tmp_path))
    assert answer["error"] == "invalid_redirect_uri"
    assert "grant_types" in answer["error_description"]


def test_a_submission_is_explained(tmp_path: Path) -> None:
    commands = Path(sys.executable).parent
    lines = paste(BLOCKS[2].replace(".venv/bin", str(commands)), "", tmp_path).splitlines()
    assert lines[0] == "acceptable"
    assert any('changed: scope "openid x" -> "openid"' in line for line in lines)
    assert any("did you mean client_name?" in line for line in lines)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)h][^)]*)\)", README))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (Path(__file__).parent.parent / link.partition("#")[0]).exists()


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
