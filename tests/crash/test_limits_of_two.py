"""Two server processes hold limits and quotas together, whichever of them is killed meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections import Counter
from pathlib import Path

import httpx
import pytest

from harness.application import CALLBACK
from harness.databases import BACKENDS, database
from harness.long_run import only_long
from harness.process import ServerProcess, serving

_QUOTA, _RATE, _ASKED = 20, 15, 60


async def _register(servers: list[ServerProcess], software: str, asked: int) -> Counter[int]:
    """So many registrations, in turn at each of ``servers``; 0 where no answer came."""
    at_once = asyncio.Semaphore(8)
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:

        async def one(number: int) -> int:
            url = f"{servers[number % len(servers)].base_url}/register"
            body = {"redirect_uris": [CALLBACK], "software_id": software}
            async with at_once:
                try:
                    return (await http.post(url, json=body)).status_code
                except httpx.HTTPError:
                    return 0

        return Counter(await asyncio.gather(*(one(number) for number in range(asked))))


async def _with_a_kill(servers: list[ServerProcess], software: str) -> Counter[int]:
    """The last of ``servers`` is killed while they are at it."""
    registering = asyncio.create_task(_register(servers, software, _ASKED))
    await asyncio.wait([registering], timeout=0.15)
    servers[-1].process.kill()
    return await registering


def _stored(server: ServerProcess, software: str, token: str) -> int:
    answer = httpx.get(
        f"{server.base_url}/admin/v1/clients/count",
        params={"software_id": software},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )
    count: int = answer.raise_for_status().json()["value"]
    return count


@only_long
@pytest.mark.finding("L5")
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_a_quota_holds_at_two_processes_through_a_kill(backend: str, tmp_path: Path) -> None:
    limit = {"by": "software_id", "clients": _QUOTA}
    token = f"adm_{secrets.token_urlsafe(32)}"
    env = {
        "DCR_POLICY__STATEMENTS": json.dumps([{"name": "few", "then": {"limit": limit}}]),
        "DCR_RATE_LIMITS__ENABLED": "false",
        "DCR_ADMIN__BOOTSTRAP_TOKEN": token,
    }
    (tmp_path / "other").mkdir()
    with database(backend) as url, serving(tmp_path, url, ("--migrate",), env) as one:
        with serving(tmp_path / "other", url, (), env) as two:
            told = asyncio.run(_with_a_kill([one, two], "s"))
        assert set(told) <= {0, 201, 400}
        assert told[201] <= _QUOTA
        asyncio.run(_register([one], "s", _ASKED))
        assert _stored(one, "s", token) == _QUOTA, "as many as may be, and no more"


@only_long
@pytest.mark.finding("L4", "L5")
def test_a_rate_holds_at_two_processes_through_a_kill(tmp_path: Path) -> None:
    if "DCR_TEST_REDIS_URL" not in os.environ:
        pytest.skip("DCR_TEST_REDIS_URL is not set: no Redis to test with")
    env = {
        "DCR_RATE_LIMITS__ENABLED": "true",
        "DCR_RATE_LIMITS__SOFTWARE_ID": f"{_RATE}/hour",
        "DCR_RATE_LIMITS__OPEN_REGISTRATION": "",
        "DCR_REDIS__URL": os.environ["DCR_TEST_REDIS_URL"],
    }
    software = secrets.token_hex(8)  # Redis is not this test's alone
    (tmp_path / "other").mkdir()
    with database("postgresql") as url, serving(tmp_path, url, ("--migrate",), env) as one:
        with serving(tmp_path / "other", url, (), env) as two:
            told = asyncio.run(_with_a_kill([one, two], software))
        assert "rate_limit_store_failed" not in one.log + two.log, "or each counts for itself"
        assert told[201] <= _RATE
        # What was in hand when the process was killed counts; nothing else is lost.
        assert asyncio.run(_register([one], software, _ASKED))[201] <= _RATE - told[201]
        assert asyncio.run(_register([one], software, 1)) == {429: 1}
