"""The environment of clients from PyPI: they do not agree with us on versions."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements" / "interop.txt"
_PYTHON = ROOT / ".venv-interop"


def interop_python() -> str:
    """Its interpreter; the environment is made once for its requirements."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    marker = _PYTHON / "requirements.sha256"
    with (ROOT / ".venv-interop.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers of one run build it once
        if not marker.exists() or marker.read_text() != wanted:
            _build()
            marker.write_text(wanted)
    return str(_PYTHON / "bin" / "python")


def _build() -> None:
    # Every package is in the list; older pips trip over the extras that some of them name.
    steps = (
        [sys.executable, "-m", "venv", "--clear", str(_PYTHON)],
        [str(_PYTHON / "bin" / "python"), "-m", "pip", "install", "--quiet",
         "--require-hashes", "--no-deps", "-r", str(REQUIREMENTS)],
    )  # fmt: skip
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = f"the clients cannot be installed: {done.stderr[-500:]}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
