"""openid-client, oauth4webapi and the MCP TypeScript SDK against a real server process.

Each script asserts what it does and prints it; what it sent and got is asserted here once more.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.process import environment, serving

from .conftest import HERE

pytestmark = pytest.mark.interop

_SECONDS = 60
_HABITS = ["mcp", "signing_alg_beside_basic", "empty_lists", "six_response_types"]
# The life of a registration, as all three drive it; other requests are in between.
_LIFE = [
    "POST /register 201",
    "POST /token 200",
    "GET /register/ID 200",
    "PUT /register/ID 200",
    "GET /register/ID 200",
    "GET /register/ID 401",  # by the token from before the update
    "POST /token 200",
    "DELETE /register/ID 204",
    "GET /register/ID 401",
    "POST /token 401",
]
_OPENID = "GET /.well-known/openid-configuration 200"
_OAUTH = "GET /.well-known/oauth-authorization-server 200"
_TOLERATED = [
    "mcp_machine_without_redirect_uris",
    "mcp_mixed_redirect_uris",
    "empty_grant_and_response_types",
]


@pytest.fixture(params=["", "/t/acme"], ids=["default", "tenant"])
def issuer(request: pytest.FixtureRequest, server: str) -> str:
    return f"{server}{request.param}"


def run(node: str, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [node, script, *arguments],
        cwd=HERE,
        env=environment(NO_PROXY="127.0.0.1,localhost"),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def report_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def drive(node: str, script: str, library: str, issuer: str) -> list[str]:
    """Runs the script; the requests of the library, after what every report must say."""
    report = report_of(run(node, script, issuer))
    pinned = json.loads((HERE / "package.json").read_text("utf-8"))["dependencies"]
    assert (report["library"], report["version"]) == (library, pinned[library])
    assert report["base"] == report["issuer"] == issuer
    assert report["habits"] == _HABITS
    requests: list[str] = report["requests"]
    assert happened_in_order(_LIFE, requests), requests
    assert "POST /register 400" in requests
    return requests


def happened_in_order(expected: list[str], requests: list[str]) -> bool:
    rest = iter(requests)
    return all(request in rest for request in expected)


def test_openid_client(node: str, issuer: str) -> None:
    requests = drive(node, "drive_openid_client.mjs", "openid-client", issuer)
    assert happened_in_order([_OPENID, "POST /register 201", _OAUTH, *_LIFE], requests)


def test_oauth4webapi(node: str, issuer: str) -> None:
    requests = drive(node, "drive_oauth4webapi.mjs", "oauth4webapi", issuer)
    assert requests[:2] == [_OPENID, _OAUTH]
    assert "GET /jwks 200" in requests  # access tokens were verified


def test_mcp_sdk(node: str, issuer: str) -> None:
    requests = drive(node, "drive_mcp.mjs", "@modelcontextprotocol/sdk", issuer)
    assert requests[:2] == [_OAUTH, _OAUTH]
    assert happened_in_order(["POST /register 201", "GET /authorize 200"], requests)


def test_mcp_sdk_with_its_own_preset(node: str, tmp_path: Path) -> None:
    with serving(tmp_path, env={"DCR_POLICY__PRESET": "mcp"}) as running:
        test_mcp_sdk(node, running.base_url)


@pytest.mark.parametrize("name", _TOLERATED)
def test_tolerance(node: str, server: str, name: str) -> None:
    """What clients in use send, each a case that was refused once."""
    assert report_of(run(node, "drive_tolerances.mjs", server, name))["tolerated"] == name
