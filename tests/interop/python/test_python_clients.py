"""The MCP SDK, pyoidc, idpyoidc and Authlib against a real server process.

They do not agree with each other or with us on versions, so they live in an environment of their
own (.venv-interop); each script asserts what it does and prints what it did.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.process import ServerProcess, environment, serving

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
REQUIREMENTS = HERE.parents[2] / "requirements" / "interop.txt"
HABITS = [
    "signing algorithm beside basic",
    "empty lists",
    "six response types",
    "localhost without application_type",
    "cursor",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("interop")) as made:
        yield made


@cache
def drive(python: str, script: str, base_url: str) -> dict[str, Any]:
    """What the script did at a server, once for all that is asked of it."""
    done = subprocess.run(
        [python, str(HERE / script), base_url],
        env=environment(NO_PROXY="127.0.0.1,localhost"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


@pytest.mark.parametrize(
    ("script", "library", "auth_method"),
    [
        ("drive_mcp.py", "mcp", "none"),
        ("drive_pyoidc.py", "oic", "client_secret_basic"),
        ("drive_idpyoidc.py", "idpyoidc", "client_secret_basic"),
        ("drive_authlib.py", "authlib", "client_secret_basic"),
    ],
)
def test_a_client_lives_its_whole_life(
    python: str, server: ServerProcess, script: str, library: str, auth_method: str
) -> None:
    """Discovers, registers, reads, updates, deletes, and gets a token on the way."""
    facts = drive(python, script, server.base_url)
    pinned = re.search(rf"^{library}==(\S+)", REQUIREMENTS.read_text("utf-8"), re.MULTILINE)
    assert pinned is not None
    assert (facts["library"], facts["version"]) == (library, pinned.group(1))
    assert facts["discovered"] == server.base_url
    assert facts["auth_method"] == auth_method
    assert (facts["read"], facts["updated"], facts["deleted"]) == (True, True, True)
    assert facts["token_type"].lower() == "bearer"
    assert facts["scope"] in ("profile", ["profile"])
    assert facts["habits"] == HABITS
    # What the script says is what the server saw.
    assert f'"path": "/register/{facts["registered"]}"' in server.log or library == "mcp"
    assert "unhandled" not in server.log


def test_pyoidc_finds_us_by_webfinger(python: str, server: ServerProcess) -> None:
    assert drive(python, "drive_pyoidc.py", server.base_url)["webfinger"] == server.base_url


def test_the_mcp_sdk_is_told_why_it_cannot_sign_in(python: str, server: ServerProcess) -> None:
    assert drive(python, "drive_mcp.py", server.base_url)["ended"] == "temporarily_unavailable"


def test_the_mcp_sdk_lives_with_its_own_preset(python: str, tmp_path: Path) -> None:
    with serving(tmp_path, env={"DCR_POLICY__PRESET": "mcp"}) as server:
        facts = drive(python, "drive_mcp.py", server.base_url)
    assert facts["habits"] == HABITS
    assert (facts["auth_method"], facts["token_type"]) == ("none", "Bearer")
    assert "unhandled" not in server.log


_MACHINE = """
from mcp.shared.auth import OAuthClientMetadata as Metadata
for grant in ("client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"):
    machine = Metadata(redirect_uris=None, grant_types=[grant])
    print(machine.model_dump_json(by_alias=True, exclude_none=True))
"""


def test_the_mcp_sdk_registers_machines_as_it_describes_them(python: str, tmp_path: Path) -> None:
    """It says that they are native and redirected with a code, which is nothing to refuse."""
    env = {
        "DCR_POLICY__PRESET": "mcp",
        "DCR_AUTHORIZATION_SERVER__AUTHORIZATION_GRANT_PROFILES_SUPPORTED": (
            '["urn:ietf:params:oauth:grant-profile:id-jag"]'
        ),
    }
    described = subprocess.run(
        [python, "-c", _MACHINE], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    with serving(tmp_path, env=env) as server:
        for each in described:
            headers = {"Content-Type": "application/json"}
            where = f"{server.base_url}/register"
            answer = httpx.post(where, content=each, headers=headers, trust_env=False)
            assert answer.status_code == 201, answer.text
            assert answer.json()["grant_types"] == json.loads(each)["grant_types"]
            assert json.loads(each)["response_types"] == ["code"]
            assert answer.json()["response_types"] == []
