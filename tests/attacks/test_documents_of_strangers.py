"""Clients that name themselves by URL, as a malicious author, or host, of documents uses them."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from dcrserver.edge.admission import AdmissionMiddleware
from dcrserver.errors import TooManyRequests
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application, application
from harness.document_host import DocumentHost, document_host

_THERE = {"authorization_endpoint": "https://as.example/login", "token_endpoint": "https://as/t"}
_SERVER = {"authorization_server": _THERE | {"code_challenge_methods_supported": ["S256"]}}


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[DocumentHost]:
    async with document_host(tmp_path) as made:
        yield made


async def asked_for(app: Application, client_id: str, **params: str) -> httpx.Response:
    query = {"client_id": client_id, "redirect_uri": CALLBACK} | params
    return await app.http.get("/authorize", params=query)


def in_hand(app: Application) -> int:
    transport = app.http._transport  # noqa: SLF001 - what stands before the application
    assert isinstance(transport, httpx.ASGITransport)
    assert isinstance(transport.app, AdmissionMiddleware)
    return transport.app.inside


@pytest.mark.finding("S4")
async def test_a_document_that_names_another_to_be_read_leaves_no_place_taken(
    host: DocumentHost, make_app: Any
) -> None:
    """Else each of them would take one of the places of this server, for good."""
    app: Application = await make_app(**host.settings, **_SERVER)
    host.put("/sector", json.dumps([CALLBACK]).encode())
    urls = [
        host.publish(f"/{number}", sector_identifier_uri=host.url("/sector"), subject_type="public")
        for number in range(3)
    ]
    assert in_hand(app) == 0
    answers = await asyncio.gather(*(asked_for(app, url) for url in [*urls, *urls]))
    assert {answer.status_code for answer in answers} == {302}, answers[0].text
    assert "/sector" in str(host.server.requests)
    assert in_hand(app) == 0


@pytest.mark.finding("D2")
async def test_a_url_that_is_longer_than_a_client_id_can_be_is_refused(
    host: DocumentHost, any_database: str
) -> None:
    """Before anything is read, and not by the database."""
    async with application(any_database, **host.settings, **_SERVER) as app:
        longest = host.url("/" + uuid.uuid4().hex)
        longest += "x" * (512 - len(longest))
        for url, status in ((longest, 302), (longest + "x", 400), (longest + "x" * 4000, 400)):
            host.publish(url.removeprefix(host.url("")))
            answer = await asked_for(app, url)
            assert answer.status_code == status, answer.text
        assert "at most 512 characters" in answer.text
        assert host.asked == 1


@pytest.mark.finding("D3")
async def test_a_document_that_went_bad_is_not_read_as_often_as_somebody_asks(
    host: DocumentHost, make_app: Any
) -> None:
    limits = {"enabled": True, "open_registration_attempts": "3/minute"}
    app: Application = await make_app(**host.settings, **_SERVER, rate_limits=limits)
    url = host.publish("/turns", "Cache-Control: no-store\r\n")
    assert (await asked_for(app, url)).status_code == 302
    host.put("/turns", b"{}")
    found = [(await asked_for(app, url)).status_code for _ in range(6)]
    assert found == [400, 400, 400, 429, 429, 429]
    assert host.asked == 4


@pytest.mark.finding("D4")
async def test_who_had_enough_read_is_refused_alone(host: DocumentHost, make_app: Any) -> None:
    """And not with it who waits for the same document."""
    limits = {"enabled": True, "open_registration_attempts": "1/minute"}
    app: Application = await make_app(**host.settings, **_SERVER, rate_limits=limits)
    find, tenant = app.runtime.authorization._clients.find, app.runtime.default_tenant  # noqa: SLF001
    first, wanted = host.publish("/first"), host.publish("/wanted")
    assert await find(tenant, first, "192.0.2.1") is not None
    answers = await asyncio.gather(
        *(find(tenant, wanted, address) for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3")),
        return_exceptions=True,
    )
    assert isinstance(answers[0], TooManyRequests)
    assert [getattr(each, "client_id", each) for each in answers[1:]] == [wanted, wanted]


@pytest.mark.finding("D5")
async def test_who_may_only_change_clients_makes_none_by_having_a_document_read(
    host: DocumentHost, make_app: Any
) -> None:
    app: Application = await make_app(**host.settings, **_SERVER)
    url = host.publish("/new")
    path = f"/admin/v1/clients/{quote(url, '')}/refresh"
    may_change = await app.admin_token("clients:update", "clients:read")
    assert (await app.http.post(path, headers=may_change)).status_code == 403
    assert host.asked == 0
    may_make = await app.admin_token("clients:write", "clients:read")
    assert (await app.http.post(path, headers=may_make)).status_code == 200
    assert (await app.http.post(path, headers=may_change)).status_code == 200


@pytest.mark.finding("D6")
async def test_a_client_that_ends_here_is_not_known_on_by_its_document_of_ours(
    make_app: Any,
) -> None:
    """What cannot be read counts for a week; what we do not publish any more ends at once."""
    documents = {"enabled": True, "minimum_seconds": 0}
    app: Application = await make_app(documents=documents, **_SERVER)
    client = await app.register(token_endpoint_auth_method="none")
    tenant, lifecycle = app.runtime.default_tenant, app.operations.client_lifecycle
    await app.set_members(client["client_id"], published=True)
    url = f"{tenant.root}/clients/{client['client_id']}/metadata"
    assert (await asked_for(app, url)).status_code == 302
    await lifecycle.suspend(tenant, client["client_id"], OPERATOR)
    assert (await asked_for(app, url)).status_code == 400
    await lifecycle.resume(tenant, client["client_id"], OPERATOR)
    assert (await asked_for(app, url)).status_code == 302
    await lifecycle.delete(tenant, client["client_id"], OPERATOR)
    assert (await asked_for(app, url)).status_code == 400
