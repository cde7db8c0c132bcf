"""The files of docs/deploy for systemd, and the configuration that goes with the proxies."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dcrserver import posture
from dcrserver.settings import load
from dcrserver.wiring import build
from deploy.proxies import FILES
from harness.programs import program

# What systemd would start; it must be there for systemd to look at the rest.
_COMMAND = "/opt/dcrserver/bin/dcrserver serve"


def _unit(folder: Path) -> Path:
    text = (FILES / "dcrserver.service").read_text("utf-8")
    assert _COMMAND in text
    file = folder / "dcrserver.service"
    file.write_text(text.replace(_COMMAND, "/bin/true"), "utf-8")
    return file


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("systemd-analyze"), *arguments], capture_output=True, text=True, check=False
    )


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    done = _analyze("verify", "--man=no", str(_unit(tmp_path)))
    told = [line for line in done.stderr.splitlines() if "dcrserver.service" in line]
    assert (done.returncode, told) == (0, [])


def test_systemd_calls_it_safe(tmp_path: Path) -> None:
    """Exposure in tenths; 10.0 is a service that may do everything."""
    done = _analyze("security", "--offline=true", "--threshold=20", str(_unit(tmp_path)))
    assert done.returncode == 0, done.stdout[-600:]


async def test_nothing_is_found_in_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("DCR_")]:
        monkeypatch.delenv(name)
    key = tmp_path / "encryption_keys"
    key.write_text("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n", "utf-8")
    key.chmod(0o400)
    monkeypatch.setenv("DCR_SECRETS__ENCRYPTION_KEYS_FILE", str(key))
    settings = load(FILES / "dcrserver.toml")
    async with build(settings) as runtime:
        assert posture.findings(runtime) == []
