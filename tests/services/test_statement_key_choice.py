"""Which keys may have signed a statement or a request, and how sets of them are asked for."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from dcrserver.errors import Unavailable
from dcrserver.fetch import CachingFetcher, Document, FetchError, HttpFetcher
from dcrserver.services.software_statements import keys as issuer_keys
from dcrserver.services.software_statements.keys import StatementKeys, known_keys
from dcrserver.settings import OutboundSettings, StatementIssuerSettings
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import TrustedIssuer
from harness.cases import each
from harness.statements import ISSUER, key_set

JWKS = "https://keys.example/jwks"
RSA, EC = key_set()["keys"]
SETTINGS = StatementIssuerSettings(issuer=ISSUER, jwks_uri=JWKS)
OF_FILES = TrustedIssuer(SETTINGS, keys=(RSA, EC))


def a_set(*keys: Any) -> bytes:
    return json.dumps({"keys": [*keys]}).encode()


class Web:
    """Says ``body`` at any URL, and tells ``asked``: how, and for what."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.asked: list[tuple[str, str]] = []

    async def fetch(self, url: str) -> Document:
        self.asked.append(("guarded", url))
        return Document(self.body, "application/json")

    async def fetch_configured(self, url: str) -> Document:
        self.asked.append(("configured", url))
        return Document(self.body, "application/json")

    def keys(self) -> StatementKeys:
        return StatementKeys(cast("HttpFetcher", self), OutboundSettings())


@each(
    "algorithm, kid, found",
    [
        ("RS256", "ss-1", [RSA]),
        ("RS256", None, [RSA]),
        ("PS256", "ss-1", [RSA]),
        ("ES256", None, [EC]),
        ("RS256", "ss-2", []),
        ("ES256", "ss-1", []),
    ],
)
def test_a_key_fits_by_its_algorithm_and_its_id(
    algorithm: str, kid: str | None, found: list[JsonObject]
) -> None:
    assert known_keys(OF_FILES, algorithm, kid) == found
    web = Web(a_set())
    assert asyncio.run(web.keys().candidates(OF_FILES, algorithm, kid)) == found
    said: JsonObject = {"jwks": {"keys": [RSA, EC]}}
    assert asyncio.run(web.keys().of_client(said, algorithm, kid)) == found
    assert web.asked == []


def test_an_issuer_without_keys_here_has_none() -> None:
    assert known_keys(TrustedIssuer(SETTINGS), "RS256", None) == []


@each(
    "said, asked",
    [
        ({"jwks_uri": JWKS}, [("guarded", JWKS)]),
        ({"jwks_uri": JWKS, "jwks": {"keys": []}}, [("guarded", JWKS)]),
        ({"jwks_uri": "", "jwks": {"keys": [EC]}}, []),
        ({"jwks_uri": 7, "jwks": {"keys": [EC]}}, []),
    ],
)
def test_keys_of_a_client_are_where_its_statement_says_and_nowhere_inside(
    said: JsonObject, asked: list[tuple[str, str]]
) -> None:
    others = (RSA | {"kid": "ss-2"}, EC | {"kid": "ss-1"})
    web = Web(a_set(*others, EC))
    assert asyncio.run(web.keys().of_client(said, "ES256", "ss-2")) == [EC]
    assert web.asked == asked


def test_a_statement_without_keys_for_its_client_has_none() -> None:
    assert asyncio.run(Web(a_set()).keys().of_client({}, "ES256", None)) == []


def test_as_many_keys_are_tried_as_take_no_time() -> None:
    unnamed = {name: value for name, value in EC.items() if name != "kid"}
    many = TrustedIssuer(SETTINGS, keys=(unnamed,) * 40)
    assert len(known_keys(many, "ES256", "any")) == 32


class Documents:
    """Stands in for what remembers documents: tells how each was asked for."""

    def __init__(self, *bodies: bytes) -> None:
        self.bodies = [*bodies]
        self.asked: list[dict[str, Any]] = []

    async def fetch(self, url: str, **how: Any) -> Document:
        self.asked.append({"url": url} | how)
        return Document(self.bodies.pop(0), "application/json")


def test_a_set_is_read_anew_for_a_key_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is good enough first, also after its time; then it must be new."""
    monkeypatch.setattr(issuer_keys.time, "monotonic", lambda: 1000.0)
    others = (RSA | {"kid": "ss-2"}, EC | {"kid": "ss-1"})
    documents = Documents(a_set(RSA), a_set(*others, EC))
    asked = issuer_keys._found(cast("CachingFetcher", documents), JWKS, "ES256", "ss-2")  # noqa: SLF001
    assert asyncio.run(asked) == [EC]
    assert documents.asked == [
        {"url": JWKS, "newer_than": None, "stale": True, "patience": 1.0},
        {"url": JWKS, "newer_than": 990.0, "stale": False, "patience": 1.0},
    ]


@each("count, is_read", [(10_000, True), (10_001, False)])
def test_a_set_that_is_too_large_is_none(count: int, *, is_read: bool) -> None:
    more = {f"m{number}": 1 for number in range(count - 1)}
    body = json.dumps({"keys": [RSA]} | more).encode()
    asked = Web(body).keys().candidates(TrustedIssuer(SETTINGS), "RS256", "ss-1")
    if is_read:
        assert asyncio.run(asked) == [RSA]
        return
    with pytest.raises(Unavailable) as refused:
        asyncio.run(asked)
    assert refused.value.detail == "an object has more than 10000 members"


@each(
    "body, detail",
    [
        (b'{"keys": 1}', "no JWK Set"),
        (b"[]", "the body is not a JSON object"),
    ],
)
def test_whoever_runs_the_server_is_told_which_issuer_has_no_keys(body: bytes, detail: str) -> None:
    with capture_logs() as logged, pytest.raises(Unavailable) as refused:
        asyncio.run(Web(body).keys().candidates(TrustedIssuer(SETTINGS), "RS256", None))
    expected = "the keys that vouch for the client cannot be read; try again later"
    assert (refused.value.description, refused.value.detail) == (expected, detail)
    assert logged == [
        {
            "event": "statement_issuer_unreachable",
            "log_level": "warning",
            "url": JWKS,
            "problem": detail,
        }
    ]


@each("said, kept", [(None, None), (0, 10), (9, 10), (10, 10), (11, 11), (600, 600)])
def test_an_issuer_cannot_have_us_ask_all_the_time(said: int | None, kept: int | None) -> None:
    async def answer(_: str) -> Document:
        return Document(a_set(RSA), "application/json", said)

    found = asyncio.run(issuer_keys._KeySets(answer).fetch(JWKS))  # noqa: SLF001
    assert found == Document(a_set(RSA), "application/json", kept)


async def test_who_closes_gives_up_what_is_still_fetched() -> None:
    given_up: list[str] = []

    class Silent(Web):
        async def fetch(self, url: str) -> Document:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                given_up.append(url)
                raise
            raise FetchError(url)

        fetch_configured = fetch

    keys = Silent(b"").keys()
    declared, stored = TrustedIssuer(SETTINGS), TrustedIssuer(SETTINGS, declared=False)
    waiting = [
        asyncio.create_task(keys.candidates(each, "RS256", None)) for each in (declared, stored)
    ]
    await asyncio.sleep(0.01)
    await keys.close()
    assert given_up == [JWKS, JWKS]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
