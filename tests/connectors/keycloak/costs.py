"""Clients a second at a real Keycloak: by our connector, and by its own registration endpoint.

    PYTHONPATH=src:tests python tests/harness/keycloak.py 8090     # once, leaves it running
    PYTHONPATH=src:tests python tests/connectors/keycloak/costs.py http://127.0.0.1:8090

By turns, so that both meet the same machine; each round makes new clients and leaves them there.
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from collections.abc import Awaitable, Callable

import httpx

from dcrserver.connectors.client import NewSecret
from dcrserver.connectors.keycloak.connector import KeycloakConnector
from dcrserver.settings import ConnectorSettings
from harness.keycloak import ACCOUNT, ACCOUNT_SECRET, REALM
from harness.wanted import wanted

_ROUNDS, _CLIENTS, _AT_ONCE = 5, 200, 16
Create = Callable[[], Awaitable[object]]


async def per_second(create: Create) -> float:
    """Of ``_CLIENTS`` that are made by ``_AT_ONCE`` tasks."""
    left = iter(range(_CLIENTS))

    async def work() -> None:
        for _ in left:
            await create()

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return _CLIENTS / (time.perf_counter() - started)


async def main(url: str) -> None:
    """Prints a line for each round."""
    settings = ConnectorSettings.model_validate({
        "kind": "keycloak", "url": url, "realm": REALM, "client_id": ACCOUNT,
        "client_secret": ACCOUNT_SECRET, "timeout": 60, "concurrency": _AT_ONCE,
    })  # fmt: skip
    connector = KeycloakConnector("front", settings)
    endpoint = f"{url}/realms/{REALM}/clients-registrations/openid-connect"
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        initial = await _initial_token(http, url)
        headers = {"Authorization": f"Bearer {initial}"}
        metadata = wanted().metadata | {"scope": "email"}

        async def by_connector() -> None:
            client = wanted(f"bench-{uuid.uuid4()}", scope="openid email")
            await connector.create(client, NewSecret(uuid.uuid4().hex))

        async def by_its_own() -> None:
            (await http.post(endpoint, json=metadata, headers=headers)).raise_for_status()

        for number in range(_ROUNDS):
            ours, its = await per_second(by_connector), await per_second(by_its_own)
            print(f"round {number}: connector {ours:.0f}/s, its own endpoint {its:.0f}/s")
    await connector.close()


async def _initial_token(http: httpx.AsyncClient, url: str) -> str:
    token = await http.post(
        f"{url}/realms/{REALM}/protocol/openid-connect/token",
        data={"grant_type": "client_credentials"}, auth=(ACCOUNT, ACCOUNT_SECRET),
    )  # fmt: skip
    made = await http.post(
        f"{url}/admin/realms/{REALM}/clients-initial-access",
        json={"count": 100_000, "expiration": 36_000},
        headers={"Authorization": f"Bearer {token.json()['access_token']}"},
    )
    answer: str = made.json()["token"]
    return answer


asyncio.run(main(sys.argv[1]))
