"""An MCP server, the authorization server it trusts, and the dcrserver that knows the clients."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.examples import EXAMPLES, registered_with, running
from harness.interop_python import interop_python
from harness.process import ServerProcess, free_port

_INTROSPECTION_TOKEN = "of-the-tests"
_BROWSERS = ("xdg-open", "x-www-browser", "sensible-browser")


@dataclass(frozen=True)
class Stack:
    """``browser`` is what a client's environment needs so that somebody signs in."""

    resource: str
    issuer: str
    dcrserver: ServerProcess
    browser: dict[str, str]
    folder: Path

    @property
    def logs(self) -> str:
        return "\n".join(log.read_text("utf-8", "replace") for log in self.folder.glob("*.log"))


@contextmanager
def stack(folder: Path, path: str) -> Iterator[Stack]:
    """docs/mcp.md, set up for people; ``path`` is where programs are looked for."""
    python = interop_python()
    resource = f"http://127.0.0.1:{free_port()}/mcp"
    with registered_with(
        folder,
        [python, "server.py"],
        "authlib-flask",
        ("/token", "/authorize"),
        {"DCR_POLICY__PRESET": "mcp"},
        INTROSPECTION_TOKEN=_INTROSPECTION_TOKEN,
    ) as (issuer, dcrserver):
        variables = {
            "MCP_ISSUER": issuer,
            "MCP_RESOURCE": resource,
            "MCP_INTROSPECTION_ENDPOINT": f"{issuer}/introspect",
            "MCP_INTROSPECTION_TOKEN": _INTROSPECTION_TOKEN,
        }
        example, log = EXAMPLES / "mcp-server", folder / "mcp.log"
        with running([python, "server.py"], example, log, resource, **variables):
            yield Stack(resource, issuer, dcrserver, _browser(folder, path), folder)


def _browser(folder: Path, path: str) -> dict[str, str]:
    """Returns at once, as a browser does, and signs in meanwhile."""
    programs = folder / "bin"
    programs.mkdir()
    script = Path(__file__).with_name("browser.py")
    log = folder / "browser.log"
    for name in _BROWSERS:
        command = programs / name
        command.write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$1" >>{log} 2>&1 &\n')
        command.chmod(0o755)
    return {"PATH": f"{programs}:{path}", "BROWSER": str(programs / _BROWSERS[0])}
