"""Programs that drive a server: run, and asked what they did."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from harness.process import environment

_SECONDS = 120


def drive(command: list[str], cwd: Path, **variables: str) -> dict[str, Any]:
    """What the program reports: its last line, a JSON object."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(NO_PROXY="127.0.0.1,localhost", **variables),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report
