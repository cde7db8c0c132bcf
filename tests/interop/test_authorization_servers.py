"""Real authorization servers, as docs/examples has them, whose clients register with us.

One client program signs in at each by code and PKCE, for every way to prove who it is.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docs.pasting import Shell, commands
from harness.examples import EXAMPLES, METHODS, registered_with
from harness.process import ServerProcess, environment

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

HERE = Path(__file__).parent


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
    with registered_with(tmp_path, command, "node-oidc-provider", ("/token", "/auth")) as (
        issuer,
        dcrserver,
    ):
        _check(_drive(node, issuer, "oidc", log), dcrserver)


def test_authlib(
    node: str, python: str, npm_install: Callable[[Path], None], tmp_path: Path
) -> None:
    npm_install(HERE / "node")
    command, log = [python, "server.py"], tmp_path / "example.log"
    with registered_with(tmp_path, command, "authlib-flask", ("/token", "/authorize")) as (
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
