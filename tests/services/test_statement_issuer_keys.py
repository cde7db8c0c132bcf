"""Keys of statement issuers at a URL: remembered, read anew for a new key, and not for any kid."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from dcrserver.errors import Unavailable
from dcrserver.fetch import Document, FetchError, HttpFetcher
from dcrserver.services.software_statements import keys as issuer_keys
from dcrserver.services.software_statements.keys import StatementKeys
from dcrserver.settings import OutboundSettings, StatementIssuerSettings
from dcrserver.tenants import TrustedIssuer
from harness.application import CALLBACK
from harness.metadata_server import metadata_server
from harness.statements import ISSUER, key_set, statement

JWKS = "https://ss-issuer.example/jwks"
ENTRY = StatementIssuerSettings(issuer=ISSUER, jwks_uri=JWKS)
DECLARED, STORED = TrustedIssuer(ENTRY), TrustedIssuer(ENTRY, declared=False)


class Web:
    """Stands in for the fetcher: ``says`` is what is at each URL, ``asked`` who asked, and how."""

    def __init__(self) -> None:
        self.says: Any = key_set()
        self.away = False
        self.max_age: int | None = None
        self.asked: list[str] = []

    async def fetch(self, url: str) -> Document:
        return await self._answer(url, "guarded")

    async def fetch_configured(self, url: str) -> Document:
        return await self._answer(url, "configured")

    async def _answer(self, url: str, how: str) -> Document:
        assert url == JWKS
        self.asked.append(how)
        await asyncio.sleep(0)
        if self.away:
            raise FetchError("nobody there")
        raw = self.says if isinstance(self.says, bytes) else json.dumps(self.says).encode()
        return Document(raw, "application/json", self.max_age)


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
async def keys(web: Web) -> AsyncIterator[StatementKeys]:
    made = StatementKeys(cast("HttpFetcher", web), OutboundSettings())
    yield made
    await made.close()


async def kids(keys: StatementKeys, kid: str | None, issuer: TrustedIssuer = DECLARED) -> list[Any]:
    return [key["kid"] for key in await keys.candidates(issuer, "RS256", kid)]


async def test_one_request_serves_all(web: Web, keys: StatementKeys) -> None:
    web.max_age = 0  # which would have us ask each time
    found = await asyncio.gather(*(kids(keys, "ss-1") for _ in range(20)))
    assert found == [["ss-1"]] * 20
    assert await kids(keys, None) == ["ss-1"]
    assert web.asked == ["configured"]


async def test_an_issuer_that_was_stored_at_run_time_leads_nowhere_inside(
    web: Web, keys: StatementKeys
) -> None:
    assert await kids(keys, "ss-1", STORED) == ["ss-1"]
    assert web.asked == ["guarded"]


async def test_a_new_key_is_found_and_invented_ones_cost_no_requests(
    web: Web, keys: StatementKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = key_set()["keys"]
    assert await kids(keys, "ss-1") == ["ss-1"]
    web.says = {"keys": [old | {"kid": "new"}]}
    for number in range(10):
        assert await kids(keys, f"invented-{number}") == []
    assert len(web.asked) == 1
    monkeypatch.setattr(issuer_keys, "_REFETCH_SECONDS", 0)
    assert await kids(keys, "new") == ["new"]
    assert await kids(keys, "ss-1") == []


async def test_an_issuer_that_is_away_is_no_proof_of_forgery(
    web: Web, keys: StatementKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.away = True
    with pytest.raises(Unavailable) as caught:
        await kids(keys, "ss-1")
    assert caught.value.status == 503
    assert caught.value.detail == "nobody there"
    web.away = False
    other = StatementKeys(cast("HttpFetcher", web), OutboundSettings(cache_seconds=0))
    assert await kids(other, "ss-1") == ["ss-1"]
    web.away = True  # what was known goes on for a while
    assert await kids(other, "ss-1") == ["ss-1"]
    monkeypatch.setattr(issuer_keys, "_REFETCH_SECONDS", 0)
    with pytest.raises(Unavailable):
        await kids(other, "unknown")
    await other.close()


@pytest.mark.parametrize("nonsense", [b"", b"<html>", b"[]", b'{"keys": 1}', b'{"keys": ['])
async def test_what_is_no_key_set_accuses_nobody(
    web: Web, keys: StatementKeys, nonsense: bytes
) -> None:
    web.says = nonsense
    with pytest.raises(Unavailable):
        await kids(keys, "ss-1")


async def test_a_key_of_no_use_takes_nothing_from_its_neighbours(
    web: Web, keys: StatementKeys
) -> None:
    web.says = {"keys": [{"kty": "oct", "k": "x"}, {"kty": "RSA", "n": "AQ", "e": "AQAB"}, 7,
                         *key_set()["keys"]]}  # fmt: skip
    assert await kids(keys, None) == ["ss-1"]


async def test_who_registers_while_the_issuer_is_away_may_come_again(
    make_app: Any,
) -> None:
    with metadata_server() as server:
        server.says, server.failures = key_set(), 1
        entry = {"issuer": ISSUER, "jwks_uri": server.location}
        app = await make_app(
            policy={"statements_mode": "allowed"},
            software_statements=[entry],
            outbound={"cache_failure_seconds": 0},
        )
        body = {"redirect_uris": [CALLBACK], "software_statement": statement()}
        away = await app.http.post("/register", json=body)
        assert away.status_code == 503, away.text
        assert int(away.headers["Retry-After"]) > 0
        assert (await app.http.post("/register", json=body)).status_code == 201
        assert server.asked == 2
