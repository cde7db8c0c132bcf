"""docs/moving-in.md: its commands, with small exports, and servers that page as real ones do."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from docs.pasting import ROOT, Shell, section
from harness.programs import program

PAGE = ROOT / "docs" / "moving-in.md"
FILES = ROOT / "tests" / "data" / "imports"
TOKEN = "token-of-an-administrator"


class _Listing(BaseHTTPRequestHandler):
    """Lists clients as Hydra does, five at a time with a Link, and as Keycloak does."""

    hydra: list[Any] = json.loads((FILES / "hydra.json").read_text("utf-8"))
    keycloak: list[Any] = json.loads((FILES / "keycloak-realm.json").read_text("utf-8"))["clients"]

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        query = {name: int(values[0]) for name, values in parse_qs(where.query).items()}
        links = []
        if where.path == "/admin/clients":
            first = query.get("page_token", 0)
            found = self.hydra[first : first + 5]
            links = [f'<{where.path}?page_size=500&page_token=0>; rel="first"']
            if first + 5 < len(self.hydra):
                links.append(f'<{where.path}?page_size=500&page_token={first + 5}>; rel="next"')
        else:
            assert where.path == "/admin/realms/moving/clients"
            assert self.headers["Authorization"] == f"Bearer {TOKEN}"
            found = self.keycloak[query["first"] : query["first"] + min(query["max"], 100)]
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if links:
            self.send_header("Link", ",".join(links))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def listing() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Listing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def migrated(folder: Path) -> Shell:
    shell = Shell(folder)
    shell.paste("dcrserver migrate")
    return shell


def stored(shell: Shell) -> set[str]:
    printed = shell.paste("dcrserver client list --limit 1000")
    return {json.loads(line)["client_id"] for line in printed.splitlines()}


def paste(shell: Shell, *blocks: str, **variables: str) -> None:
    """As a person does: where some are refused, the status is 1 and the next line follows."""
    for block in blocks:
        shell.paste(f"set +e\n{block}\ntrue", variables)


def test_clients_leave_hydra(tmp_path: Path) -> None:
    shell = migrated(tmp_path)
    rows = json.loads((FILES / "hydra-hashes.json").read_text("utf-8"))
    hashes = "".join(f"{json.dumps(row)}\n" for row in rows)
    (tmp_path / "hydra-hashes.jsonl").write_text(hashes, "utf-8")
    fetch, _hashes, move = section(PAGE, "## Ory Hydra")
    with listing() as url:
        shell.paste(fetch, {"HYDRA_ADMIN": url})
    paste(shell, move)
    expected = {client["client_id"] for client in _Listing.hydra} - {"half", "plain-http"}
    assert stored(shell) == expected
    assert not (tmp_path / "hydra-hashes.jsonl").exists()


def test_clients_leave_keycloak(tmp_path: Path) -> None:
    shell = migrated(tmp_path)
    fetch, move = section(PAGE, "## Keycloak")
    variables: Mapping[str, str] = {"TOKEN": TOKEN, "REALM": "moving"}
    with listing() as url:
        shell.paste(fetch, {**variables, "KEYCLOAK": url})
    paste(shell, move)
    assert len(stored(shell)) == 14


def test_clients_leave_programs(tmp_path: Path) -> None:
    program("sqlite3")
    shell = migrated(tmp_path)
    rows = (FILES / "oidc-provider.jsonl").read_text("utf-8")
    (tmp_path / "oidc-clients.jsonl").write_text(rows, "utf-8")
    with closing(sqlite3.connect(tmp_path / "authlib.db")) as database:
        database.execute(
            "CREATE TABLE oauth2_client (id, user_id, client_id, client_secret,"
            " client_id_issued_at, client_secret_expires_at, client_metadata)"
        )
        database.executemany(
            "INSERT INTO oauth2_client VALUES (?, ?, ?, ?, ?, ?, ?)",
            [tuple(row.values()) for row in json.loads((FILES / "authlib.json").read_text())],
        )
        database.commit()
    paste(shell, section(PAGE, "## node-oidc-provider")[1], *section(PAGE, "## Authlib"))
    assert stored(shell) == {"Vz4kf2aGq0tP", "app", "a1B2c3", "spa"}


def test_anything_else_comes_and_goes(tmp_path: Path) -> None:
    shell = migrated(tmp_path)
    shell.paste("\n".join(section(PAGE, "## Anything else")))
    assert stored(shell) == {"billing", "https://app.example.org/client.json"}
    keep, move = section(PAGE, "## Out again")
    shell.paste(f"{keep}\nstat -c %a clients.jsonl > mode\n{move}")
    assert (tmp_path / "mode").read_text() == "600\n"
    assert (tmp_path / "elsewhere.db").exists()
    assert not (tmp_path / "clients.jsonl").exists()
