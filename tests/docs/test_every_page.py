"""README and every page of docs: what can be pasted is pasted, what can be checked is checked."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from dcrserver.settings import load
from docs.pasting import ROOT, SERVER, Block, Shell, blocks, commands, pages
from harness.programs import program

README = ROOT / "README.md"
DOCS = ROOT / "docs"
# Pasted by tests of their own, as they need programs of others, or are no walk from top to bottom.
_ELSEWHERE = {
    DOCS / "admin.md": "docs/test_admin_page.py",
    DOCS / "asgardeo.md": "docs/test_asgardeo_page.py",
    DOCS / "mcp.md": "interop/test_mcp_guide.py",
    DOCS / "moving-in.md": "docs/test_moving_in.py",
    DOCS / "operations.md": "docs/test_operations.py",
    DOCS / "examples" / "authlib-flask" / "README.md": "interop/test_authorization_servers.py",
    DOCS / "examples" / "node-oidc-provider" / "README.md": "interop/test_authorization_servers.py",
}
_KINDS = {"sh", "toml", "json", "yaml", "text", "sql"}
# What is in the files of secrets that a configuration names, where any text will not do.
_SECRETS = {"encryption_keys": "A" * 43 + "=", "database_url": "sqlite:////x"}


def _named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _blocks(kind: str) -> list[tuple[str, str]]:
    return [
        (_named(page), block.text)
        for page in pages()
        for block in blocks(page)
        if block.kind == kind
    ]


def _pasted() -> list[Path]:
    return [page for page in pages() if page not in _ELSEWHERE and commands(page)]


@pytest.mark.parametrize("page", [page for page in _pasted() if page != README], ids=_named)
def test_a_page_works_when_pasted(page: Path, tmp_path: Path) -> None:
    Shell(tmp_path).paste(SERVER + commands(page))


def test_the_readme_works_when_pasted(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    printed = shell.paste(SERVER + commands(README))
    lines = printed.splitlines()
    answers = [json.loads(line) for line in lines if line.startswith('{"')]
    base_url = f"http://127.0.0.1:{shell.ports['8000']}"
    _ready, webfinger, registered, token, rotated, read, updated, gone, refused, *rest = answers
    assert webfinger["links"][0]["href"] == base_url
    assert registered["client_name#fr"] == "Exemple de client"
    assert token["scope"] == "profile"
    assert rotated["client_secret"] not in {registered["client_secret"], None}
    assert rotated["client_secrets"][0]["id"] == rotated["id"]
    assert read["client_id"] == registered["client_id"]
    assert (updated["client_name"], "client_name#fr" in updated) == ("Renamed client", False)
    assert "204" in lines
    assert gone["error"] == "invalid_token"
    assert refused["error"] == "invalid_redirect_uri"
    assert "grant_types" in refused["error_description"]
    assert any('changed: scope "openid x" -> "openid"' in line for line in lines)
    assert any("did you mean client_name?" in line for line in lines)
    assert any("Acme" in json.dumps(answer) for answer in rest)


@pytest.mark.parametrize("page", pages(), ids=_named)
def test_every_block_is_of_a_known_kind(page: Path) -> None:
    """A block in another language would be checked by nobody."""
    assert {block.kind for block in blocks(page)} <= _KINDS
    assert page.read_text("utf-8").count("\n```") == 2 * len(blocks(page))


def test_what_is_not_pasted_says_why() -> None:
    found = [block for page in pages() for block in blocks(page) if block.reason is not None]
    assert found
    assert all(_says_why(block) for block in found)
    assert all((ROOT / "tests" / test).exists() for test in _ELSEWHERE.values())


def _says_why(block: Block) -> bool:
    return block.kind == "sh" and len(block.reason or "") > len("it needs")


@pytest.mark.parametrize(("page", "text"), _blocks("toml"))
def test_configuration_is_taken(
    page: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("DCR_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "dcrserver.toml"
    text = text.replace('"/run/secrets/', '"')
    for key, name in re.findall(r'^(\w+)_file *= *"([^"/]+)"', text, re.MULTILINE):
        (tmp_path / name).write_text(_SECRETS.get(key, "x"))
    file.write_text(text, "utf-8")
    assert load(file), page


@pytest.mark.parametrize(("page", "text"), _blocks("json"))
def test_json_is_json(page: str, text: str) -> None:
    assert isinstance(json.loads(text), dict), page


@pytest.mark.parametrize(("page", "text"), _blocks("yaml"))
def test_prometheus_takes_its_configuration(page: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text(text, "utf-8")
    done = subprocess.run(
        [program("promtool"), "check", "config", str(file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{page}: {done.stderr}"


@pytest.mark.parametrize("page", pages(), ids=_named)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if link.startswith(("https://", "http://")):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), f"{_named(page)}: {link}"
        assert not anchor or anchor in _anchors(target), f"{_named(page)}: {link}"


def _anchors(page: Path) -> set[str]:
    """The headings as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_list() -> None:
    listed = (DOCS / "README.md").read_text("utf-8")
    assert [page.name for page in DOCS.glob("*.md") if f"({page.name})" not in listed] == [
        "README.md"
    ]
