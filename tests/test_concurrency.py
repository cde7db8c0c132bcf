"""Many at once, through a real server process: everyone reads back exactly their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from harness.application import bearer
from harness.long_run import FIRST_EVERYDAY, rounds
from harness.process import ServerProcess, serving

CLIENTS = 64

pytestmark = pytest.mark.parametrize("any_database", FIRST_EVERYDAY, indirect=True)


@pytest.fixture(scope="module")
def server(any_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("concurrency"), any_database) as made:
        yield made


async def test_64_concurrent_registrations_read_back_their_own(server: ServerProcess) -> None:
    async with httpx.AsyncClient(
        base_url=server.base_url, limits=httpx.Limits(max_connections=CLIENTS), trust_env=False
    ) as http:
        for _ in range(rounds(1, long=5)):
            made = await asyncio.gather(*(_register(http, number) for number in range(CLIENTS)))
            read = await asyncio.gather(*(_read(http, client) for client in made))
            for client, again in zip(made, read, strict=True):
                client.pop("client_secret")
                assert again == client
            assert len({client["client_id"] for client in made}) == CLIENTS


async def test_mixed_work_at_once_never_fails(server: ServerProcess) -> None:
    """Registers, updates and deletes side by side: no 5xx, and each sees its own."""
    async with httpx.AsyncClient(
        base_url=server.base_url, limits=httpx.Limits(max_connections=32), trust_env=False
    ) as http:
        await asyncio.gather(*(_live(http, number) for number in range(32)))
    assert "unhandled" not in server.log


async def _live(http: httpx.AsyncClient, number: int) -> None:
    client = await _register(http, number)
    for turn in range(3):
        body = {
            "client_id": client["client_id"],
            "redirect_uris": [f"https://c{number}-{turn}.example/cb"],
        }
        answer = await http.put(
            client["registration_client_uri"], json=body, headers=bearer(client)
        )
        assert answer.status_code == 200, answer.text
        client = answer.json()
        assert (await _read(http, client))["redirect_uris"] == body["redirect_uris"]
    gone = await http.delete(client["registration_client_uri"], headers=bearer(client))
    assert gone.status_code == 204


async def _register(http: httpx.AsyncClient, number: int) -> dict[str, Any]:
    body = {
        "redirect_uris": [f"https://c{number}.example/cb", f"https://c{number}.example/other"],
        "client_name": f"Client {number}",
        "software_id": f"software-{number}",
        "contacts": [f"c{number}@example.org"],
    }
    answer = await http.post("/register", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert {name: made[name] for name in body} == body
    return made


async def _read(http: httpx.AsyncClient, client: dict[str, Any]) -> dict[str, Any]:
    answer = await http.get(client["registration_client_uri"], headers=bearer(client))
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made
