"""The files of docs/deploy for systemd and Compose, and the configuration for the proxies."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dcrserver.db.urls import database_url
from dcrserver.settings import load
from dcrserver.wiring.configured import Configured
from dcrserver.wiring.runtime import build
from deploy.proxies import FILES
from docs.pasting import section
from harness.application import findings_of
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


def test_the_unit_of_a_worker_is_that_of_the_server_with_another_command(tmp_path: Path) -> None:
    command, *_ = section(FILES / "README.md", "## A worker apart")
    subprocess.run(
        ["sh", "-ec", command.replace("docs/deploy/", f"{FILES}/")], cwd=tmp_path, check=True
    )
    unit = (tmp_path / "dcrserver-worker.service").read_text("utf-8")
    assert "bin/dcrserver worker --config" in unit
    assert "StateDirectory=dcrserver-worker\n" in unit
    assert "WorkingDirectory=/var/lib/dcrserver-worker\n" in unit
    checked = tmp_path / "checked.service"
    checked.write_text(unit.replace("/opt/dcrserver/bin/dcrserver worker", "/bin/true"), "utf-8")
    done = _analyze("verify", "--man=no", str(checked))
    assert (done.returncode, [x for x in done.stderr.splitlines() if "checked" in x]) == (0, [])


def test_systemd_calls_it_safe(tmp_path: Path) -> None:
    """Exposure in tenths; 10.0 is a service that may do everything."""
    done = _analyze("security", "--offline=true", "--threshold=20", str(_unit(tmp_path)))
    assert done.returncode == 0, done.stdout[-600:]


@pytest.mark.parametrize("by_certificate", [False, True])
async def test_nothing_is_found_in_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_certificate: bool
) -> None:
    for name in [name for name in os.environ if name.startswith("DCR_")]:
        monkeypatch.delenv(name)
    key = tmp_path / "encryption_keys"
    key.write_text("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n", "utf-8")
    key.chmod(0o400)
    monkeypatch.setenv("DCR_SECRETS__ENCRYPTION_KEYS_FILE", str(key))
    text = (FILES / "dcrserver.toml").read_text("utf-8")
    file = tmp_path / "dcrserver.toml"
    file.write_text(text.replace("# mtls: ", "") if by_certificate else text, "utf-8")
    settings = load(file)
    assert (settings.mutual_tls.header is not None) == by_certificate
    async with build(Configured(settings)) as runtime:
        assert findings_of(runtime) == []
        promised = runtime.default_tenant.members
    assert ("tls_client_certificate_bound_access_tokens" in promised) == by_certificate


def _compose() -> dict[str, Any]:
    made: dict[str, Any] = YAML(typ="safe").load(FILES / "compose.yaml")
    return made


def test_compose_mounts_the_secrets_that_it_names() -> None:
    made = _compose()
    for service in made["services"].values():
        named = re.findall(r"/run/secrets/(\w+)", str(service.get("environment", {})))
        assert sorted(named) == sorted(service.get("secrets", []))
    assert set(made["secrets"]) == {
        name for service in made["services"].values() for name in service.get("secrets", [])
    }


async def test_any_password_reaches_the_database_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment that Compose makes, with a password that a URL would not bear."""
    password = "p@ss/w%rd:#?&'\" $x"
    (tmp_path / "database_password").write_text(f"{password}\n", "utf-8")
    key = tmp_path / "encryption_keys"
    key.write_text("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n", "utf-8")
    key.chmod(0o400)
    (tmp_path / "database_password").chmod(0o400)
    for name in [name for name in os.environ if name.startswith("DCR_")]:
        monkeypatch.delenv(name)
    for name, value in _compose()["services"]["dcrserver"]["environment"].items():
        default = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
        monkeypatch.setenv(name, default.replace("/run/secrets", str(tmp_path)))
    settings = load()
    assert database_url(settings.database).password == password
    async with build(Configured(settings)) as runtime:
        found = {finding.name for finding in findings_of(runtime)}
    # Open is the default, and it says so.
    assert found <= {"tokens_for_any_resource"}
