"""A program written for Asgardeo runs here unchanged: it is told another address, no more."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.environment import environment
from harness.node_provider import AUDIENCE, NodeProvider, private_jwks
from harness.process import ServerProcess, run_to_end, serving

PROGRAM = Path(__file__).parent / "asgardeo_consumer.py"
_SECRET = "secret-of-a-test"
_STEPS = (
    "create", "create again", "find", "read", "update", "the old name", "delete",
    "read what is gone", "configuration", "FAPI true", "configuration", "FAPI false",
    "configuration", "no credentials, no statements",
)  # fmt: skip
_SETTINGS = {"DCR_ASGARDEO__ENABLED": "true", "DCR_TENANTS": '{"acme": {}}'}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("asgardeo"), env=_SETTINGS) as made:
        yield made


def run(base_url: str, **variables: str) -> list[str]:
    """The steps that it came through."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env=environment(BASE_URL=base_url, **variables),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return [line.rpartition(":")[0] for line in done.stdout.splitlines()]


def issued(server: ServerProcess, *arguments: str) -> str:
    url = f"sqlite:///{server.log_path.parent}/dcrserver.db"
    done = run_to_end("token", "issue", "admin", *arguments, env={"DCR_DATABASE__URL": url})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("tenant", ["", "/t/acme"])
def test_a_program_written_for_asgardeo_runs_unchanged(server: ServerProcess, tenant: str) -> None:
    token = issued(server, "--role", "administrator", "--tenant", "*")
    assert run(f"{server.base_url}{tenant}", ACCESS_TOKEN=token) == [*_STEPS]


def test_tokens_of_their_scopes_are_good_for_what_they_say(server: ServerProcess) -> None:
    scopes = ("create", "view", "update", "delete")
    token = issued(server, *(f"--scope=internal_dcr_{each}" for each in scopes))
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env=environment(BASE_URL=server.base_url, ACCESS_TOKEN=token),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    steps = [line.rpartition(":")[0] for line in done.stdout.splitlines()]
    assert steps == [*_STEPS[:9]]  # the configuration is for others
    assert "configuration: 403 in place of 200" in done.stderr


@pytest.mark.interop
@pytest.mark.timeout(120)
def test_its_token_may_be_that_of_a_provider_by_client_credentials(tmp_path: Path) -> None:
    provider = NodeProvider(tmp_path, {"machine": {"claims": {"roles": ["dcr-admins"]}}})
    corp = {
        "issuer": provider.issuer, "audience": AUDIENCE, "roles_claim": "roles",
        "scopes": {"dcr-admins": ["administrator"]},
    }  # fmt: skip
    env = _SETTINGS | {"DCR_ADMIN__PROVIDERS": json.dumps({"corp": corp})}
    with provider.serving(private_jwks("first")), serving(tmp_path, env=env) as server:
        steps = run(
            server.base_url, TOKEN_ENDPOINT=f"{provider.url}/token", CLIENT_ID="machine",
            CLIENT_SECRET=_SECRET,
        )  # fmt: skip
    assert steps == ["token", *_STEPS]
