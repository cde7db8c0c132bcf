"""Programs of others, installed once: packages from npm, and Python ones in their environment."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import npm

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
REQUIREMENTS = ROOT / "requirements" / "interop.txt"
_PYTHON = ROOT / ".venv-interop"


@pytest.fixture(scope="session")
def node() -> str:
    """The node program."""
    return npm.node()


@pytest.fixture(scope="session")
def npm_install(node: str) -> Callable[[Path], None]:
    """``npm ci`` in a folder."""
    assert node
    return npm.install


@pytest.fixture(scope="session")
def python() -> str:
    """The interpreter of an environment of its own: they do not agree with us on versions."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    marker = _PYTHON / "requirements.sha256"
    with (ROOT / ".venv-interop.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers of one run build it once
        if not marker.exists() or marker.read_text() != wanted:
            _build()
            marker.write_text(wanted)
    return str(_PYTHON / "bin" / "python")


def _build() -> None:
    steps = (
        [sys.executable, "-m", "venv", "--clear", str(_PYTHON)],
        [str(_PYTHON / "bin" / "python"), "-m", "pip", "install", "--quiet",
         "--require-hashes", "-r", str(REQUIREMENTS)],
    )  # fmt: skip
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = f"the clients cannot be installed: {done.stderr[-500:]}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
