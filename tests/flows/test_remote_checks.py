"""OpenID Connect Registration 5: sector_identifier_uri is read when a client registers."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.fetch import CachingFetcher, Document, FetchError
from dcrserver.settings import OutboundSettings
from harness.application import Application, bearer, update_of

requirement = pytest.mark.requirement

URIS = ["https://a.example.org/cb", "https://b.example.org/cb"]
SECTOR = "https://sector.example/uris.json"
KEYS = "https://client.example.org/jwks.json"


class FakeFetcher:
    """Serves documents from memory; the only seam to the outside."""

    def __init__(self, documents: dict[str, bytes]) -> None:
        self.documents = documents
        self.asked: list[str] = []

    async def fetch(self, url: str) -> Document:
        self.asked.append(url)
        if url not in self.documents:
            raise FetchError("connection refused by 10.0.0.1")
        return Document(self.documents[url], "application/json")


@pytest.fixture
async def app(make_app: MakeApplication) -> Application:
    made: Application = await make_app(
        authorization_server={"subject_types_supported": ["public", "pairwise"]}
    )
    return made


def serve(
    app: Application,
    documents: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    *,
    remembered: float = 0.0,
) -> FakeFetcher:
    fetcher = FakeFetcher(documents)
    settings = OutboundSettings(cache_seconds=remembered, cache_failure_seconds=remembered)
    checks = app.runtime.registration._remote_checks  # noqa: SLF001 - the seam
    monkeypatch.setattr(checks, "_fetcher", CachingFetcher(fetcher, settings))
    return fetcher


async def register(app: Application, **members: Any) -> Any:
    body = {"redirect_uris": URIS, "subject_type": "pairwise"} | members
    return await app.http.post("/register", json=body)


@requirement("OIDR-5-01", "OIDR-5-02")
async def test_a_sector_that_lists_all_uris_is_accepted(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = b'["https://a.example.org/cb","https://b.example.org/cb","https://c.example.org/cb"]'
    fetcher = serve(app, {SECTOR: document}, monkeypatch)
    answer = await register(app, sector_identifier_uri=SECTOR)
    assert answer.status_code == 201
    assert answer.json()["sector_identifier_uri"] == SECTOR
    assert fetcher.asked == [SECTOR]


@requirement("OIDR-5-01", "OIDR-9-01")
@pytest.mark.parametrize(
    "document",
    [b'["https://a.example.org/cb"]', b'["https://a.example.org/cb","https://b.example.org/cb/"]'],
)
async def test_a_sector_that_lacks_a_uri_is_refused(
    app: Application, monkeypatch: pytest.MonkeyPatch, document: bytes
) -> None:
    serve(app, {SECTOR: document}, monkeypatch)
    answer = await register(app, sector_identifier_uri=SECTOR)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert "https://b.example.org/cb" in answer.json()["error_description"]


@requirement("POL-49")
async def test_everything_that_is_wrong_out_there_sounds_the_same(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = set()
    for documents in (
        {},
        {SECTOR: b"<html>"},
        {SECTOR: b"{}"},
        {SECTOR: b"[1]"},
        {SECTOR: b"\xff"},
    ):
        serve(app, documents, monkeypatch)
        answer = await register(app, sector_identifier_uri=SECTOR)
        assert answer.status_code == 400
        texts.add(answer.text)
    assert len(texts) == 1
    assert "10.0.0.1" not in texts.pop()


async def test_nothing_is_fetched_before_all_else_is_right(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetcher = serve(app, {}, monkeypatch)
    await register(app, sector_identifier_uri=SECTOR, grant_types=1)
    assert fetcher.asked == []


@requirement("OIDR-5-01", "OIDR-5-03")
async def test_an_update_is_checked_like_a_registration(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = b'["https://a.example.org/cb","https://b.example.org/cb"]'
    fetcher = serve(app, {SECTOR: document}, monkeypatch)
    client = (await register(app, sector_identifier_uri=SECTOR)).json()
    body = update_of(client, redirect_uris=["https://c.example.org/cb"])
    where = f"/register/{client['client_id']}"
    answer = await app.http.put(where, json=body, headers=bearer(client))
    assert answer.status_code == 400
    fetcher.documents.clear()  # kept or not, the client goes on as it is
    assert (await app.http.get(where, headers=bearer(client))).json()["redirect_uris"] == URIS


@requirement("R7591-2-13", "POL-34")
@pytest.mark.parametrize(
    ("document", "status"),
    [(b'{"keys":[]}', 201), (b"<html>", 400), (b'{"keys":[{"kty":"oct","k":"x"}]}', 400)],
)
async def test_jwks_uri_is_read_when_policy_says_so(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch, document: bytes, status: int
) -> None:
    app = await make_app(policy={"jwks": {"eager_fetch": True}})
    fetcher = serve(app, {KEYS: document}, monkeypatch)
    answer = await app.http.post("/register", json={"redirect_uris": [URIS[0]], "jwks_uri": KEYS})
    assert answer.status_code == status
    assert fetcher.asked == [KEYS]


async def test_jwks_uri_is_not_read_otherwise(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetcher = serve(app, {}, monkeypatch)
    answer = await app.http.post("/register", json={"redirect_uris": [URIS[0]], "jwks_uri": KEYS})
    assert answer.status_code == 201
    assert fetcher.asked == []


@requirement("OIDR-5-01", "POL-49")
async def test_a_remembered_document_found_wanting_is_read_once_more(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who mends the document must not be refused for what it said a moment ago."""
    fetcher = serve(app, {SECTOR: b'["https://a.example.org/cb"]'}, monkeypatch, remembered=60)
    assert (await register(app, sector_identifier_uri=SECTOR)).status_code == 400
    assert fetcher.asked == [SECTOR]  # it was fresh: no second look
    fetcher.documents[SECTOR] = b'["https://a.example.org/cb","https://b.example.org/cb"]'
    assert (await register(app, sector_identifier_uri=SECTOR)).status_code == 201
    assert fetcher.asked == [SECTOR] * 2
    for _ in range(3):
        assert (await register(app, sector_identifier_uri=SECTOR)).status_code == 201
    assert fetcher.asked == [SECTOR] * 2


async def test_a_failure_is_remembered_for_a_while(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetcher = serve(app, {}, monkeypatch, remembered=60)
    told = [(await register(app, sector_identifier_uri=SECTOR)).json() for _ in range(3)]
    assert told[0] == told[1] == told[2]
    assert fetcher.asked == [SECTOR]


@requirement("R7591-2-13")
async def test_keys_that_are_read_must_be_of_use(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make_app(
        policy={"jwks": {"eager_fetch": True}},
        authorization_server={"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
    )
    serve(app, {KEYS: b'{"keys":[]}'}, monkeypatch)
    body = {"redirect_uris": URIS, "token_endpoint_auth_method": "private_key_jwt"}
    answer = await app.http.post("/register", json=body | {"jwks_uri": KEYS})
    assert answer.status_code == 400
    assert answer.json()["error_description"] == (
        "jwks_uri does not lead to a signing key for private_key_jwt"
    )
