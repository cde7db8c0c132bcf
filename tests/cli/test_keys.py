"""dcrserver keys: what signs, and what encrypts at rest."""

from __future__ import annotations

import base64
import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.clients import assertion
from harness.commands import Commands
from harness.process import ServerProcess, serving
from test_serving import refused_start

OLD, NEW = (base64.b64encode(bytes([number] * 32)).decode() for number in (1, 2))
METHODS = "DCR_AUTHORIZATION_SERVER__TOKEN_ENDPOINT_AUTH_METHODS_SUPPORTED"
GRANT = {"grant_type": "client_credentials"}


def settings(*keys: str) -> dict[str, str]:
    return {
        "DCR_SECRETS__ENCRYPTION_KEYS": ",".join(keys),
        METHODS: '["client_secret_jwt","client_secret_basic"]',
    }


def at_rest(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "cli.db") as connection:
        found = connection.execute("SELECT client_secrets FROM clients").fetchall()
        found += connection.execute("SELECT private_key FROM signing_keys").fetchall()
    connection.close()
    return str(found)


def grant(server: ServerProcess, client: dict[str, Any]) -> httpx.Response:
    aud = server.base_url
    signed = assertion(client["client_id"], client["client_secret"], "HS256", aud=aud)
    return httpx.post(f"{aud}/token", data=GRANT | signed, trust_env=False)


def served_client(tmp_path: Path, *keys: str) -> dict[str, Any]:
    """A client whose secret is readable, and a token that was signed."""
    with serving(tmp_path, f"sqlite:///{tmp_path}/cli.db", env=settings(*keys)) as server:
        body = {
            "grant_types": ["client_credentials"],
            "token_endpoint_auth_method": "client_secret_jwt",
        }
        made = httpx.post(f"{server.base_url}/register", json=body, trust_env=False)
        assert made.status_code == 201, made.text
        assert grant(server, made.json()).status_code == 200
    client: dict[str, Any] = made.json()
    assert client["client_secret"] not in at_rest(tmp_path)
    return client


def test_everything_comes_under_the_new_key(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served_client(tmp_path, OLD)
    for name, value in settings(NEW, OLD).items():
        monkeypatch.setenv(name, value)
    told = run.both("keys", "reencrypt")
    assert "encrypted anew: 1 client secret, 1 signing key" in told.err
    told = run.both("keys", "reencrypt")
    assert "encrypted anew: 0 client secrets, 0 signing keys" in told.err
    with serving(tmp_path, f"sqlite:///{tmp_path}/cli.db", env=settings(NEW)) as server:
        assert grant(server, client).status_code == 200


def test_what_was_in_clear_is_encrypted(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("keys", "rotate")
    assert "BEGIN" in at_rest(tmp_path)
    monkeypatch.setenv("DCR_SECRETS__ENCRYPTION_KEYS", NEW)
    run("keys", "reencrypt")
    assert "BEGIN" not in at_rest(tmp_path)
    assert len(run("keys", "list").splitlines()) == 1


def test_what_no_key_opens_is_told(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served_client(tmp_path, OLD)
    before = at_rest(tmp_path)
    for name, value in settings(NEW).items():
        monkeypatch.setenv(name, value)
    assert "2 cannot be read" in run("keys", "reencrypt", status=1)
    assert at_rest(tmp_path) == before


def test_a_key_that_nothing_opens_is_discarded(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCR_SECRETS__ENCRYPTION_KEYS", OLD)
    run("keys", "rotate")
    (lost,) = [json.loads(line) for line in run("keys", "list").splitlines()]
    monkeypatch.setenv("DCR_SECRETS__ENCRYPTION_KEYS", NEW)
    (shown,) = [json.loads(line) for line in run("keys", "list").splitlines()]
    assert shown == lost | {"state": "unreadable", "public_jwk": None}
    told = refused_start(
        tmp_path,
        DCR_DATABASE__URL=f"sqlite:///{tmp_path}/cli.db",
        DCR_SECRETS__ENCRYPTION_KEYS=NEW,
    )
    assert f"signing key {lost['kid']} of tenant default cannot be read" in told
    assert "keys discard" in told
    discard = ("keys", "discard", lost["kid"])
    assert "say --yes" in run(*discard, status=1)
    assert lost["kid"] in run("keys", "list")
    assert "is gone" in run.both(*discard, "--yes").err
    assert "no such signing key" in run(*discard, "--yes", status=1)
    assert run("keys", "list") == ""
    with serving(tmp_path, f"sqlite:///{tmp_path}/cli.db", env=settings(NEW)) as server:
        (made,) = httpx.get(f"{server.base_url}/jwks", trust_env=False).json()["keys"]
        assert made["kid"] != lost["kid"]
    with sqlite3.connect(tmp_path / "cli.db") as connection:
        events = connection.execute("SELECT type, subject_kind, subject_id FROM events").fetchall()
    connection.close()
    assert ("signing_key.discarded", "signing_key", lost["kid"]) in events


def test_without_a_key_nothing_can_be_encrypted(run: Commands) -> None:
    assert "secrets.encryption_keys" in run("keys", "reencrypt", status=1)


def test_a_key_file_is_read_or_refused(
    run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys"
    monkeypatch.setenv("DCR_SECRETS__ENCRYPTION_KEYS_FILE", str(file))
    assert "No such file" in run("config", "check", status=1)
    for content, told in (
        (b"short", "base64 of 32 bytes"),
        (b"\xff", "is no text"),
        (b"# none yet\n", "holds nothing"),
    ):
        file.write_bytes(content)
        assert told in run("config", "check", status=1)
    file.write_text(f"{NEW}\n# until the next rotation\n{OLD}\n")
    assert OLD not in run("config", "check")
    run("keys", "rotate")
    assert "BEGIN" not in at_rest(tmp_path)
    monkeypatch.setenv("DCR_SECRETS__ENCRYPTION_KEYS", NEW)
    assert "exclusive" in run("config", "check", status=1)


def test_signing_keys_are_listed_and_rotated(run: Commands) -> None:
    assert run("keys", "list") == ""
    told = run.both("keys", "rotate")
    assert "publish it within half a minute" in told.err
    assert json.loads(told.out)["signs_from"] in told.err
    run("keys", "rotate")
    keys = [json.loads(line) for line in run("keys", "list").splitlines()]
    assert len({key["kid"] for key in keys}) == 2
    assert not any("d" in key["public_jwk"] for key in keys)
    assert {key["algorithm"] for key in keys} == {"ES256"}
