"""What clients did and were told, while the server died under them.

An operation is acknowledged, refused, or unknown: sent, and no answer came. What a client may find
afterwards is what was last acknowledged, or what an unknown operation after it would have made.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import httpx

SECONDS = 10


@dataclass
class Registration:
    """A client as it was last acknowledged, and what may have become of it since.

    ``names``: possible values of client_name; None among them: it may be deleted.
    ``tokens``: registration access tokens of which one works, the last acknowledged first.
    """

    client_id: str
    uri: str
    tokens: list[str]
    names: set[str | None]
    secret: str

    @property
    def is_certain(self) -> bool:
        return len(self.names) == 1


@dataclass
class History:
    """All that happened; ``unknown`` registrations may be there, and nobody knows their ids."""

    registrations: list[Registration] = field(default_factory=list)
    acknowledged: int = 0
    refused: int = 0
    unknown: int = 0

    async def live(self, base_url: str, worker: int) -> None:
        """Registers, updates and deletes until the server is gone."""
        chance = random.Random(f"{base_url} {worker}")  # noqa: S311 - no secret
        async with httpx.AsyncClient(base_url=base_url, timeout=SECONDS, trust_env=False) as http:
            number = 0
            while True:
                number += 1
                name = f"worker {worker} turn {number}"
                try:
                    made = await self._register(http, name)
                    if made and chance.random() < 0.5:
                        await self._update(http, made, f"{name} updated")
                    if made and chance.random() < 0.2:
                        await self._delete(http, made)
                except httpx.TransportError:
                    return

    async def _register(self, http: httpx.AsyncClient, name: str) -> Registration | None:
        body = {"redirect_uris": ["https://client.example.org/cb"], "client_name": name}
        self.unknown += 1
        answer = await http.post("/register", json=body)
        self.unknown -= 1
        if answer.status_code != 201:
            self.refused += 1
            return None
        self.acknowledged += 1
        told = answer.json()
        made = Registration(
            told["client_id"],
            httpx.URL(told["registration_client_uri"]).path,
            [told["registration_access_token"]],
            {name},
            told["client_secret"],
        )
        self.registrations.append(made)
        return made

    async def _update(self, http: httpx.AsyncClient, made: Registration, name: str) -> None:
        body = {
            "client_id": made.client_id,
            "redirect_uris": ["https://client.example.org/cb"],
            "client_name": name,
        }
        before = made.names
        made.names = before | {name}  # until we are told
        answer = await http.put(made.uri, json=body, headers=_bearer(made.tokens[0]))
        if answer.status_code != 200:
            self.refused += 1
            made.names = before
            return
        self.acknowledged += 1
        made.names = {name}
        made.tokens.insert(0, answer.json()["registration_access_token"])

    async def _delete(self, http: httpx.AsyncClient, made: Registration) -> None:
        before = made.names
        made.names = before | {None}
        answer = await http.delete(made.uri, headers=_bearer(made.tokens[0]))
        if answer.status_code != 204:
            self.refused += 1
            made.names = before
            return
        self.acknowledged += 1
        made.names = {None}


async def lost(history: History, base_url: str, since: int = 0) -> list[str]:
    """What was acknowledged and is not there, in words; from registration number ``since`` on."""
    found: list[str] = []
    async with httpx.AsyncClient(base_url=base_url, timeout=SECONDS, trust_env=False) as http:
        slots = asyncio.Semaphore(8)

        async def check(made: Registration) -> None:
            async with slots:
                name = await _name(http, made)
            if name not in made.names:
                found.append(f"{made.client_id}: found {name!r}, expected one of {made.names}")

        await asyncio.gather(*(check(made) for made in history.registrations[since:]))
    return found


async def _name(http: httpx.AsyncClient, made: Registration) -> Any:
    """client_name as the server has it; None where no token opens it."""
    for token in made.tokens:
        answer = await http.get(made.uri, headers=_bearer(token))
        if answer.status_code == 200:
            return answer.json()["client_name"]
        assert answer.status_code == 401, answer.text
    return None


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
