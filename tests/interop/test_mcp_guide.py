"""docs/mcp.md, pasted from top to bottom, with the MCP SDK as server and as client."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.pasting import ROOT, Shell, commands

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

NODE = ROOT / "tests" / "interop" / "node"
# In place of the browser: signs in as `ada` at the page that it is sent to, and comes back.
_BROWSER = """\
import sys
import httpx2
with httpx2.Client(follow_redirects=True) as http:
    page = http.get(sys.argv[1])
    assert "Example MCP client" in page.text, page.text
    back = http.post(sys.argv[1], data={"login": "ada"})
    assert back.text.startswith("You are signed in"), back.text
"""


@pytest.fixture
def shell(tmp_path: Path, python: str) -> Shell:
    shell = Shell(tmp_path)
    shell.provide("mcp-venv/bin/python", python)
    (tmp_path / "browser.py").write_text(_BROWSER, "utf-8")
    shell.provide("bin/browser", f"{python} {tmp_path}/browser.py")
    return shell


def test_the_page_works_when_pasted(
    shell: Shell, tmp_path: Path, node: str, npm_install: Callable[[Path], None]
) -> None:
    """And then an editor comes, which is written with the other SDK."""
    npm_install(NODE)
    page = ROOT / "docs" / "mcp.md"
    editor = f'{node} {NODE}/drive_mcp_guide.mjs "$MCP_RESOURCE"'
    browser = {"BROWSER": str(tmp_path / "bin" / "browser")}
    lines = shell.paste(f"{commands(page)}\n{editor}", browser).splitlines()
    machine, person = (line.split()[-1] for line in lines if line.startswith("registered as"))
    assert f"client {machine}, for {machine}" in lines
    assert f"client {person}, for ada" in lines
    resources = [json.loads(line) for line in lines if '"authorization_servers"' in line]
    alone, behind = (f"http://127.0.0.1:{shell.ports[port]}" for port in ("8000", "3000"))
    assert [each["authorization_servers"] for each in resources] == [[alone], [behind]]
    assert "acceptable" in lines
    registered, told = lines[-1].removeprefix("editor ").split(": ")
    assert told == f"client {registered}, for grace"


def test_a_url_object_is_not_the_issuer_that_was_written(python: str) -> None:
    """The trap that the page warns of is there; and the way that it recommends is none."""
    program = (
        "import sys; from pydantic import AnyHttpUrl; from mcp.server.auth.settings import"
        " AuthSettings as S; text = 'https://login.example.com'; print(*(S(issuer_url=each,"
        " resource_server_url=None).issuer_url for each in (text, AnyHttpUrl(text))))"
    )
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["https://login.example.com", "https://login.example.com/"]
