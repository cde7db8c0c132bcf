"""A client's own server that never answers keeps nobody waiting but that client."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness.application import CALLBACK
from harness.process import serving

# More than max_requests.
_MANY = 560


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


@pytest.mark.finding("S4")
async def test_who_waits_for_a_silent_jwks_uri_holds_no_place(tmp_path: Path, silent: int) -> None:
    env = {
        "DCR_OUTBOUND__ALLOWED_HOSTS": json.dumps([f"127.0.0.1:{silent}"]),
        "DCR_OUTBOUND__TIMEOUT": "3",
    }
    statuses: Counter[int] = Counter()
    # A connection that is kept may be ended, as idle for too long, while it is used again.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    with serving(tmp_path, env=env) as server:
        async with (
            httpx.AsyncClient(base_url=server.base_url, limits=limits, timeout=120) as attacker,
            httpx.AsyncClient(base_url=server.base_url, limits=limits, timeout=60) as honest,
        ):
            client_id = await _registered(honest, silent)
            form = _form(client_id)
            attack = asyncio.gather(
                *(attacker.post("/token", data=form) for _ in range(_MANY)),
                return_exceptions=True,
            )
            while not attack.done():
                statuses[(await honest.get("/.well-known/openid-configuration")).status_code] += 1
                made = await honest.post("/register", json={"redirect_uris": [CALLBACK]})
                statuses[made.status_code] += 1
                await asyncio.sleep(0.1)
            answers = await attack
    assert set(statuses) == {200, 201}, statuses
    told = Counter(answer.status_code for answer in answers if isinstance(answer, httpx.Response))
    assert set(told) <= {401, 429, 503}, told


async def _registered(client: httpx.AsyncClient, port: int) -> str:
    answer = await client.post(
        "/register",
        json={
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks_uri": f"https://127.0.0.1:{port}/jwks.json",
        },
    )
    assert answer.status_code == 201, answer.text
    client_id: str = answer.json()["client_id"]
    return client_id


def _form(client_id: str) -> dict[str, str]:
    """An assertion that only the key at jwks_uri could refute."""
    claims = {"iss": client_id, "sub": client_id, "exp": int(time.time()) + 60, "jti": "x"}
    parts = ({"alg": "ES256", "kid": "1"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    signature = base64.urlsafe_b64encode(bytes(64)).rstrip(b"=")
    return {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": b".".join([*encoded, signature]).decode(),
    }
