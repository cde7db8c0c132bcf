"""docs/asgardeo.md: its tables say what is, its tests exist, its commands move clients."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from dcrserver.api.asgardeo.members import MEMBERS
from dcrserver.app import ROUTERS
from dcrserver.services.tenants.dcr_configuration import PROFILES
from docs.pasting import ROOT, Shell, section
from harness.process import run_to_end, serving
from harness.programs import program

PAGE = ROOT / "docs" / "asgardeo.md"
TEXT = PAGE.read_text("utf-8")
TESTS = ROOT / "tests"
# As many as their feature list has.
ROWS = 42
_ROW = re.compile(r"^\| (\d+) \| (.*?) \| (.*?) \| (.*?) \| (.*?) ?\|$", re.MULTILINE)
_PROOF = re.compile(r"`([\w/]+\.py)::(\w+)`")


@cache
def names_in(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text("utf-8"))
    found = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, found))


def test_every_feature_has_a_row() -> None:
    assert [int(row[0]) for row in _ROW.findall(TEXT)] == [*range(1, ROWS + 1)]


def test_every_row_that_is_reached_has_a_test_that_exists() -> None:
    for number, _, _, here, proof in _ROW.findall(TEXT):
        kind = re.match(r"yes|in part|no\b", here)
        assert kind, f"row {number} does not say whether it is there: {here}"
        named = _PROOF.findall(proof)
        assert named or kind[0] == "no", f"row {number} has no test"
        for file, name in named:
            assert name in names_in(TESTS / file), f"row {number}: there is no {file}::{name}"


def test_every_row_that_is_not_reached_says_what_there_is_to_those_who_run_it() -> None:
    for number, _, _, here, _ in _ROW.findall(TEXT):
        assert re.match(r"yes\b|(in part|no): \w", here), number
    assert not re.search(r"issue \d+", TEXT)  # nobody who runs it has our list


def test_the_table_of_names_is_that_of_the_program() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| .*\|$", TEXT, re.MULTILINE)
    assert rows == [(member.theirs, member.ours) for member in MEMBERS]


def test_paths_and_profiles_are_those_of_the_program() -> None:
    paths = {route.path for router in ROUTERS for route in router.routes}
    for path in {path for path in paths if path.startswith("/api/")}:
        assert path.replace("{client_id}", "CLIENT_ID") in TEXT
    assert all(f"`{profile}`" in TEXT for profile in PROFILES)
    assert all(f"asgardeo-{preset}" in TEXT for preset in PROFILES.values())


# ---- moving --------------------------------------------------------------------------------

SECRET = "aT5fGq9Zx_Kd0vR2mWc8LhYb3NsE7uPj4iQoX1kV"
CLIENTS: dict[str, dict[str, Any]] = {
    "web_application_1": {
        "client_name": "Web", "client_secret": SECRET, "client_secret_expires_at": 0,
        "redirect_uris": ["regexp=(https://a.example.org/cb|https://b.example.org/cb)"],
        "grant_types": ["authorization_code", "refresh_token"], "ext_pkce_mandatory": True,
        "ext_public_client": False, "ext_application_token_lifetime": 3600, "jwks_uri": None,
        "ext_application_version": "v1.0.0", "token_endpoint_auth_method": "client_secret_post",
    },
    "single_page_app_1": {
        "client_name": "Page", "client_secret": SECRET, "ext_public_client": True,
        "redirect_uris": ["https://page.example.org/cb"], "grant_types": ["authorization_code"],
        "token_endpoint_auth_method": "client_secret_basic",
    },
    "keyed_service_001": {
        "client_name": "Keyed", "client_secret": SECRET, "redirect_uris": [],
        "grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_allow_reuse_pvt_key_jwt": False, "ext_public_client": False,
        "jwks_uri": "https://keyed.example.org/keys",
    },
    "plain_http_client": {
        "client_name": "Plain", "client_secret": SECRET, "ext_public_client": False,
        "redirect_uris": ["http://plain.example.org/cb"], "grant_types": ["authorization_code"],
    },
}  # fmt: skip


class _Theirs(BaseHTTPRequestHandler):
    """As their API answers: pages of applications, not all of OAuth, and clients with secrets."""

    def do_GET(self) -> None:
        assert self.headers["Authorization"] == "Bearer theirs"
        where = urlsplit(self.path)
        if where.path == "/t/org/api/server/v1/applications":
            query = parse_qs(where.query)
            found: list[Any] = [{"name": "saml"}, *({"clientId": name} for name in CLIENTS)]
            first, limit = int(query["offset"][0]), int(query["limit"][0])
            # Fewer than a page may hold, as theirs do not promise to fill it.
            answer: Any = {"applications": found[first : first + limit]}
        else:
            client_id = where.path.rpartition("/")[2]
            answer = {"client_id": client_id, **CLIENTS[client_id]}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def theirs() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Theirs) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/t/org"
        finally:
            server.shutdown()


def test_clients_leave_asgardeo_with_identifier_and_secret(tmp_path: Path) -> None:
    program("jq")
    fetch, move = section(PAGE, "## Moving from Asgardeo")
    settings = {"DCR_TENANTS": '{"org": {"asgardeo": true}}'}
    with serving(tmp_path, env=settings) as server, theirs() as url:
        database = {"DCR_DATABASE__URL": f"sqlite:///{tmp_path}/dcrserver.db"}
        role = ("--role", "administrator", "--tenant", "*")
        token = run_to_end("token", "issue", "admin", *role, env=database).stdout.strip()
        here = f"{server.base_url}/t/org"
        variables = {
            "ASGARDEO": url, "THEIR_TOKEN": "theirs", "DCRSERVER": here, "TOKEN": token,
        }  # fmt: skip
        shell = Shell(tmp_path)
        shell.paste(fetch, variables)
        kept = (tmp_path / "clients.jsonl").read_text("utf-8")
        assert (tmp_path / "clients.jsonl").stat().st_mode & 0o777 == 0o600
        printed = shell.paste(move, variables).splitlines()
        assert sorted(printed)[:3] == [f"201 {name}" for name in sorted(CLIENTS)[:1]] + sorted(
            f"201 {name}" for name in ("single_page_app_1", "web_application_1")
        )
        assert printed[3].startswith("400 redirect_uris element 0")
        assert not (tmp_path / "clients.jsonl").exists()
        (tmp_path / "clients.jsonl").write_text(kept, "utf-8")
        (tmp_path / "client-ids").touch()
        again = shell.paste(move, variables).splitlines()
        assert [line[:3] for line in again] == ["409", "409", "409", "400"]
        moved = httpx.get(
            f"{here}/register/web_application_1", headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        ).json()  # fmt: skip
        assert moved["redirect_uris"] == ["https://a.example.org/cb", "https://b.example.org/cb"]
        assert moved["require_pkce"] is True
        # Its secret is the one that it has: a wrong one would be invalid_client.
        form = {
            "grant_type": "client_credentials", "client_id": "web_application_1",
            "client_secret": SECRET,
        }  # fmt: skip
        asked = httpx.post(f"{here}/token", data=form, trust_env=False).json()
        assert asked["error"] == "unauthorized_client"
