"""What is registered again is one client, whatever moment a server is killed at: by an
Idempotency-Key, and where all who register the same share it.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.databases import BACKENDS, migrated
from harness.long_run import only_long
from harness.process import ServerProcess, run_to_end, serving

_KEYS = 60
_COPIES = 6
_ENV = {
    "DCR_POLICY__REGISTRATION__REUSE_PUBLIC_CLIENTS": "true",
    "DCR_RATE_LIMITS__ENABLED": "false",
}
# By key: what was sent with it.
_Sent = dict[str, dict[str, Any]]


def _bodies() -> _Sent:
    """A client each, and some that copies of one program register."""
    own = {"redirect_uris": ["https://client.example.org/cb"]}
    public = {"redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none"}
    made: _Sent = {}
    for number in range(_KEYS):
        made[str(uuid.uuid4())] = own | {"client_name": f"own {number}"}
        made[str(uuid.uuid4())] = public | {"client_name": f"shared {number % _COPIES}"}
    return made


async def _register(
    servers: list[ServerProcess], sent: _Sent, answered: asyncio.Semaphore | None = None
) -> dict[str, str | None]:
    """By key, what was answered; None where no answer came. ``answered`` tells of each."""
    limits = httpx.Limits(max_connections=16)
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as http:

        async def one(number: int, key: str) -> tuple[str, str | None]:
            # Of each two in turn, so that either kind comes to both.
            url = f"{servers[number // 2 % len(servers)].base_url}/register"
            headers = {"Idempotency-Key": key}
            try:
                answer = await http.post(url, json=sent[key], headers=headers)
            except httpx.HTTPError:
                return key, None
            # The other server may find the database locked, or away, for a moment.
            assert answer.status_code in {201, 503}, answer.text
            if answered is not None:
                answered.release()
            return key, answer.text if answer.status_code == 201 else None

        return dict(await asyncio.gather(*(one(*each) for each in enumerate(sent))))


async def _killed(servers: list[ServerProcess], sent: _Sent) -> dict[str, str | None]:
    """A server of two dies when a third of the answers are there, and others under way."""
    answered = asyncio.Semaphore(0)
    registering = asyncio.create_task(_register(servers, sent, answered))
    for _ in range(len(sent) // 3):
        await answered.acquire()
    servers[0].process.kill()
    return await registering


@only_long
@pytest.mark.finding("I4")
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_sent_again_is_one_client_through_a_kill(backend: str, tmp_path: Path) -> None:
    sent = _bodies()
    with migrated(backend) as url:
        with serving(tmp_path, url, (), _ENV) as one, serving(tmp_path, url, (), _ENV) as two:
            before = asyncio.run(_killed([one, two], sent))
        with serving(tmp_path, url, (), _ENV) as one, serving(tmp_path, url, (), _ENV) as two:
            after = asyncio.run(_register([one, two], sent))
            again = asyncio.run(_register([two, one], sent))
        exported = run_to_end("client", "export", env={"DCR_DATABASE__URL": url}).stdout
    assert None not in after.values()
    assert again == after
    acknowledged = {key: text for key, text in before.items() if text is not None}
    assert len(sent) // 3 <= len(acknowledged) < len(sent)
    assert acknowledged.items() <= after.items()
    told = sorted({json.loads(text)["client_id"] for text in after.values() if text})
    stored = sorted(json.loads(line)["client_id"] for line in exported.splitlines())
    assert told == stored
    assert len(stored) == _KEYS + _COPIES
    lost = len(sent) - len(acknowledged)
    print(f"{backend}: {lost} of {len(sent)} answers were lost by the kill")
