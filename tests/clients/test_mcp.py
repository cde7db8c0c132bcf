"""MCP clients in other languages, from the URL of an MCP server to its tool.

Each finds the authorization server, registers with dcrserver, sends somebody to sign in, and gets a
token for the MCP server: docs/mcp.md with its own programs.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clients.driving import drive
from clients.mcp_stack import Stack, stack
from harness import builds, npm
from harness.interop_python import interop_python
from harness.programs import toolchain

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
GO = HERE / "go"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack(tmp_path_factory.mktemp("mcp"), os.environ["PATH"]) as made:
        yield made


def _go() -> list[str]:
    go = toolchain("go")
    sources = [GO / name for name in ("go.mod", "go.sum", "main.go")]

    def build(folder: Path) -> None:
        builds.fetch([go, "mod", "download"], GO)
        builds.step([go, "build", "-o", str(folder / "client"), "."], GO)

    return [str(builds.built("go", sources, build) / "client")]


def _fastmcp() -> list[str]:
    return [interop_python(), str(HERE / "drive_fastmcp.py")]


def _mcp_remote() -> list[str]:
    node = npm.node()
    npm.install(HERE / "mcp_remote")
    proxy = HERE / "mcp_remote" / "node_modules" / "mcp-remote" / "dist" / "proxy.js"
    return [sys.executable, str(HERE / "drive_mcp_remote.py"), node, str(proxy)]


@pytest.mark.parametrize("client", [_go, _fastmcp, _mcp_remote])
def test_an_mcp_client_gets_in(
    client: Callable[[], list[str]], people: Stack, tmp_path: Path
) -> None:
    command = client()
    own = {"HOME": str(tmp_path), "MCP_REMOTE_CONFIG_DIR": str(tmp_path)}
    try:
        report = drive([*command, people.resource], tmp_path, **people.browser, **own)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{people.logs}") from None
    said = re.fullmatch(r"client ([0-9a-f]+), for alice", report["said"])
    assert said, report
    # What the client program says is what the server saw.
    assert f'"path": "/authorization-server/clients/{said[1]}", "status": 200' in people.logs
    assert "unhandled" not in people.dcrserver.log
