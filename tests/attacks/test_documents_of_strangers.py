"""Clients that name themselves by URL, as a malicious author, or host, of documents uses them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dcrserver.edge.admission import AdmissionMiddleware
from harness.application import CALLBACK, Application
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
