"""Instances on one database, one without the key of the signing keys, or with a wrong one."""

from __future__ import annotations

import base64
import sqlite3
from pathlib import Path

import httpx
import pytest

from harness.process import serving
from test_serving import refused_start

RIGHT, WRONG = (base64.b64encode(bytes([number] * 32)).decode() for number in (1, 2))


@pytest.mark.finding("B1")
def test_who_cannot_read_the_signing_keys_does_not_start(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    with serving(tmp_path, url, env={"DCR_SECRETS__ENCRYPTION_KEYS": RIGHT}) as server:
        published = httpx.get(f"{server.base_url}/jwks", trust_env=False).json()
        for given in ({}, {"DCR_SECRETS__ENCRYPTION_KEYS": WRONG}):
            told = refused_start(tmp_path, DCR_DATABASE__URL=url, **given)
            assert len(told.splitlines()) == 1
            assert "secrets.encryption_keys: signing key" in told
        assert httpx.get(f"{server.base_url}/jwks", trust_env=False).json() == published
    with serving(
        tmp_path, url, env={"DCR_SECRETS__ENCRYPTION_KEYS": f"{WRONG},{RIGHT}"}
    ) as rotated:
        assert httpx.get(f"{rotated.base_url}/jwks", trust_env=False).json() == published


@pytest.mark.finding("B1")
def test_while_it_runs_it_makes_no_key_beside_one_that_it_cannot_read(tmp_path: Path) -> None:
    """Both started before there was any key; the other one made it first."""
    url = f"sqlite:///{tmp_path}/shared.db"
    env = {"DCR_SECRETS__ENCRYPTION_KEYS": RIGHT}
    with serving(tmp_path, url) as blind, serving(tmp_path, url, env=env) as seeing:
        assert httpx.get(f"{seeing.base_url}/jwks", trust_env=False).status_code == 200
        answer = httpx.get(f"{blind.base_url}/jwks", trust_env=False)
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
        ready = httpx.Client(base_url=blind.base_url, trust_env=False)
        for _ in range(2000):
            if (answer := ready.get("/readyz")).status_code == 503:
                break
        assert "cannot be read" in answer.json()["reason"]
        ready.close()
    with sqlite3.connect(tmp_path / "shared.db") as connection:
        stored = connection.execute("SELECT private_key FROM signing_keys").fetchall()
    connection.close()
    assert len(stored) == 1
    assert "BEGIN" not in stored[0][0]
