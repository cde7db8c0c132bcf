"""Node and packages from npm: optional for people, not where the result decides."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

from harness.process import environment

_INSTALL_SECONDS = 240
_OLDEST_NODE = 20
# Faults of the folder, not of the network: never a reason to skip.
_OUR_FAULTS = re.compile(r"npm error code (EINTEGRITY|EUSAGE|EJSONPARSE)")


def node() -> str:
    """The node program; without it the test is skipped, or fails in CI."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        _do_without("node or npm is not installed")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.lstrip("v").partition(".")[0]) < _OLDEST_NODE:
        _do_without(f"node {version.stdout.strip()} is older than {_OLDEST_NODE}")
    return program


def install(folder: Path) -> None:
    """``npm ci`` in a folder, unless it was done for the same package.json and lock file before."""
    node()
    npm = shutil.which("npm", path=os.environ["PATH"])
    assert npm
    wanted, stamp = _fingerprint(folder), folder / "node_modules" / ".installed-from"
    lock = Path(tempfile.gettempdir()) / f"dcr-test-npm-{os.getuid()}.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # workers of one run share the folder
        if stamp.exists() and stamp.read_text("utf-8") == wanted:
            return
        _npm_ci(npm, folder)
        stamp.write_text(wanted, "utf-8")


def _do_without(reason: str) -> NoReturn:
    """Node is optional for people, not where the result decides."""
    if os.environ.get("CI") == "true" or os.environ.get("DCR_TEST_NODE") == "required":
        pytest.fail(reason)
    pytest.skip(f"{reason}: no clients from npm to test with")


def _fingerprint(folder: Path) -> str:
    names = ("package.json", "package-lock.json", ".npmrc")
    return hashlib.sha256(b"\0".join((folder / name).read_bytes() for name in names)).hexdigest()


def _npm_ci(npm: str, folder: Path) -> None:
    try:
        done = subprocess.run(
            [npm, "ci"],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        _do_without(f"npm ci took longer than {_INSTALL_SECONDS} s")
    if done.returncode == 0:
        return
    if _OUR_FAULTS.search(done.stderr):
        pytest.fail(f"npm ci:\n{done.stderr}")
    _do_without(f"npm ci could not get the packages: {_first_error(done.stderr)}")


def _first_error(messages: str) -> str:
    lines = [line for line in messages.splitlines() if line.startswith("npm error")]
    return lines[0] if lines else messages.strip()
