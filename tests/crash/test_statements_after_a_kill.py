"""A software statement is used once, whatever moment the server is killed at."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from harness.application import CALLBACK
from harness.databases import BACKENDS, database
from harness.long_run import only_long
from harness.process import ServerProcess, serving
from harness.statements import entry, statement

_STATEMENTS = 60


async def _register(base_url: str, statements: list[str]) -> dict[str, int]:
    """Status by statement; 0 where no answer came."""
    async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=20) as http:

        async def one(text: str) -> tuple[str, int]:
            body = {"redirect_uris": [CALLBACK], "software_statement": text}
            try:
                return text, (await http.post("/register", json=body)).status_code
            except httpx.HTTPError:
                return text, 0

        return dict(await asyncio.gather(*(one(text) for text in statements)))


async def _killed(server: ServerProcess, statements: list[str]) -> dict[str, int]:
    """What came of them by a server that is killed meanwhile."""
    registering = asyncio.create_task(_register(server.base_url, statements))
    await asyncio.wait([registering], timeout=0.3)
    server.process.kill()
    return await registering


@only_long
@pytest.mark.finding("E8")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_statement_makes_one_client_through_a_kill(backend: str, tmp_path: Path) -> None:
    env = {
        "DCR_POLICY__STATEMENTS_MODE": "required",
        "DCR_SOFTWARE_STATEMENTS": json.dumps([entry(tmp_path)]),
    }
    statements = [statement(software_id=f"sw-{number}") for number in range(_STATEMENTS)]
    with database(backend) as url:
        with serving(tmp_path, url, ("--migrate",), env) as server:
            before = asyncio.run(_killed(server, statements))
        with serving(tmp_path, url, ("--migrate",), env) as server:
            after = asyncio.run(_register(server.base_url, statements))
            twice = asyncio.run(_register(server.base_url, statements))
    assert set(twice.values()) == {400}  # each was used by now
    assert set(after.values()) <= {201, 400}
    acknowledged = [text for text, status in before.items() if status == 201]
    assert all(after[text] == 400 for text in acknowledged)
    print(f"{backend}: {len(acknowledged)} of {_STATEMENTS} acknowledged before the kill")
