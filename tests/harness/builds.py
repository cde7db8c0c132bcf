"""Programs that are built once for their sources, and kept where the user's caches are."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.process import environment
from harness.programs import missing

_CACHES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dcrserver-tests"
_SECONDS = 1500


def built(name: str, sources: Sequence[Path], build: Callable[[Path], None]) -> Path:
    """The folder that ``build`` filled for these ``sources``, now or before."""
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()
    folder = _CACHES / f"{name}-{digest[:16]}"
    _CACHES.mkdir(parents=True, exist_ok=True)
    with (_CACHES / f"{name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # workers of one run build it once
        if not folder.exists():
            for older in _CACHES.glob(f"{name}-*"):
                shutil.rmtree(older)
            unfinished = _CACHES / f"{name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            build(unfinished)
            unfinished.rename(folder)
    return folder


def fetch(command: list[str], cwd: Path, **variables: str) -> None:
    """A step that needs a package registry: without one the test is skipped, or fails in CI."""
    done = _run(command, cwd, variables)
    if done.returncode:
        missing(f"{command[0]} cannot get the packages: {(done.stderr or done.stdout)[-500:]}")


def step(command: list[str], cwd: Path, **variables: str) -> None:
    """A step that fails only by a fault of ours."""
    done = _run(command, cwd, variables)
    if done.returncode:
        pytest.fail(f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}")


def _run(
    command: list[str], cwd: Path, variables: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=environment(**variables), capture_output=True, text=True,
        timeout=_SECONDS, check=False,
    )  # fmt: skip
