"""Real authorization servers, as docs/examples has them, whose clients register with us.

One client program signs in at each by code and PKCE, for every way to prove who it is.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from docs.pasting import Shell, commands
from harness.process import COMMAND, ServerProcess, environment, free_port, serving

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "docs" / "examples"
METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
_START_SECONDS = 30


def _settings(issuer: str, token_endpoint: str, authorization_endpoint: str) -> dict[str, str]:
    """What dcrserver has to know of the server: where it is, and what it can do."""
    prefix = "DCR_AUTHORIZATION_SERVER__"
    return {
        f"{prefix}TOKEN_ENDPOINT": f"{issuer}{token_endpoint}",
        f"{prefix}AUTHORIZATION_ENDPOINT": f"{issuer}{authorization_endpoint}",
        f"{prefix}TOKEN_ENDPOINT_AUTH_METHODS_SUPPORTED": json.dumps(METHODS),
        f"{prefix}SCOPES_SUPPORTED": '["openid", "profile"]',
        f"{prefix}CLIENT_CACHE_SECONDS": "0",
    }


@contextmanager
def _registered_with(
    folder: Path, command: list[str], example: str, endpoints: tuple[str, str]
) -> Iterator[tuple[str, ServerProcess]]:
    """The issuer of the example, and the dcrserver that it asks."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    url = f"sqlite:///{folder}/dcrserver.db"
    with serving(folder, url, env=_settings(issuer, *endpoints)) as dcrserver:
        scopes = ("--scope", "clients:read", "--scope", "clients:authenticate")
        issued = subprocess.run(
            [*COMMAND, "token", "issue", "admin", *scopes],
            env=environment(DCR_DATABASE__URL=url),
            capture_output=True,
            text=True,
            check=True,
        )
        variables = {
            "DCRSERVER": dcrserver.base_url,
            "DCRSERVER_TOKEN": issued.stdout.strip(),
            "PORT": str(port),
            "NO_PROXY": "127.0.0.1,localhost",
        }
        with (folder / "example.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=EXAMPLES / example, env=environment(**variables),
                stdout=log, stderr=log,
            )  # fmt: skip
        try:
            _wait_for(issuer, process, folder / "example.log")
            yield issuer, dcrserver
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(issuer: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(issuer, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the example did not start:\n{log.read_text()}")


def _drive(node: str, issuer: str, algorithm: str, log: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [node, "drive_authorization_code.mjs", issuer, algorithm],
        cwd=HERE / "node",
        env=environment(NO_PROXY="127.0.0.1,localhost"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{log.read_text()}"
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["library"] == "openid-client"
    lives: list[dict[str, Any]] = report["lives"]
    return lives


def _check(lives: list[dict[str, Any]], dcrserver: ServerProcess) -> None:
    assert [life["method"] for life in lives] == METHODS
    assert {life["registered_at"] for life in lives} == {dcrserver.base_url}
    assert {life["token_type"].lower() for life in lives} == {"bearer"}
    # What the client program says is what the server saw.
    for life in lives:
        assert (
            f'"method": "DELETE", "path": "/register/{life["id"]}", "status": 204' in dcrserver.log
        )
    assert '"path": "/authorization-server/authenticate", "status": 200' in dcrserver.log
    assert "unhandled" not in dcrserver.log


def test_node_oidc_provider(node: str, npm_install: Callable[[Path], None], tmp_path: Path) -> None:
    npm_install(HERE / "node")
    npm_install(EXAMPLES / "node-oidc-provider")
    command, log = [node, "server.mjs"], tmp_path / "example.log"
    with _registered_with(tmp_path, command, "node-oidc-provider", ("/token", "/auth")) as (
        issuer,
        dcrserver,
    ):
        _check(_drive(node, issuer, "oidc", log), dcrserver)


def test_authlib(
    node: str, python: str, npm_install: Callable[[Path], None], tmp_path: Path
) -> None:
    npm_install(HERE / "node")
    command, log = [python, "server.py"], tmp_path / "example.log"
    with _registered_with(tmp_path, command, "authlib-flask", ("/token", "/authorize")) as (
        issuer,
        dcrserver,
    ):
        _check(_drive(node, issuer, "oauth2", log), dcrserver)


def _paste_page(example: str, tmp_path: Path, shell: Shell) -> None:
    """The metadata of the example that runs then name us as the place to register."""
    folder = EXAMPLES / example
    variables = {"DCR_DATABASE__URL": f"sqlite:///{tmp_path}/dcrserver.db"}
    printed = shell.paste(commands(folder / "README.md"), variables, folder)
    document = json.loads(printed[printed.index('{"authorization_endpoint"') :].splitlines()[0])
    assert document["registration_endpoint"] == f"http://127.0.0.1:{shell.ports['8000']}/register"


def test_the_page_of_authlib_works_when_pasted(python: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.provide("bin/python", python)
    _paste_page("authlib-flask", tmp_path, shell)


def test_the_page_of_node_oidc_provider_works_when_pasted(
    node: str, npm_install: Callable[[Path], None], tmp_path: Path
) -> None:
    assert node
    npm_install(EXAMPLES / "node-oidc-provider")
    _paste_page("node-oidc-provider", tmp_path, Shell(tmp_path))
