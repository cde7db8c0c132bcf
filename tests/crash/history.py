"""What clients did and were told, while the server died under them.

An operation is acknowledged or unknown: no answer came, or 503, which leaves open whether it took
place. What a client may find afterwards is what was last acknowledged, or what an unknown operation
after it would have made. Any other answer is wrong.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx

SECONDS = 20
_BODY = {
    "redirect_uris": ["https://client.example.org/cb"],
    "grant_types": ["authorization_code", "client_credentials"],
}


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
    acknowledged_at: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    refused: int = 0
    unknown: int = 0

    @property
    def acknowledged(self) -> int:
        return len(self.acknowledged_at)

    async def live(self, base_url: str, worker: int) -> None:
        """Registers, updates and deletes until the server is gone."""
        async with httpx.AsyncClient(base_url=base_url, timeout=SECONDS, trust_env=False) as http:
            number = 0
            while True:
                number += 1
                try:
                    await self.turn(http, f"worker {worker} turn {number}")
                except httpx.TransportError:
                    return

    async def turn(self, http: httpx.AsyncClient, name: str) -> None:
        """A client from its registration on: it gets tokens until it is deleted.

        Raises:
            TransportError: no answer came.
        """
        chance = random.Random(name)  # noqa: S311 - no secret
        made = await self._register(http, name)
        if made is None:
            return
        await self._get_token(http, made, 200)
        if chance.random() < 0.5:
            await self._update(http, made, f"{name} updated")
        if made.is_certain and chance.random() < 0.3:
            await self._delete(http, made)
            if made.is_certain:
                await self._get_token(http, made, 401)

    def longest_gap(self, since: float, until: float) -> float:
        """Seconds in which nothing at all was acknowledged."""
        times = [since, *(at for at in self.acknowledged_at if since < at < until), until]
        return max(after - before for before, after in pairwise(times))

    async def _register(self, http: httpx.AsyncClient, name: str) -> Registration | None:
        self.unknown += 1
        answer = await http.post("/register", json=_BODY | {"client_name": name})
        if not self._is_acknowledged(answer, 201):
            return None
        self.unknown -= 1
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

    async def _get_token(self, http: httpx.AsyncClient, made: Registration, status: int) -> None:
        answer = await http.post(
            "/token",
            data={"grant_type": "client_credentials"},
            auth=(made.client_id, made.secret),
        )
        if answer.status_code not in {status, 503}:
            self.wrong.append(f"{made.client_id}: {answer.status_code}, not {status}, at /token")

    async def _update(self, http: httpx.AsyncClient, made: Registration, name: str) -> None:
        body = _BODY | {"client_id": made.client_id, "client_name": name}
        made.names |= {name}  # until we are told
        answer = await http.put(made.uri, json=body, headers=_bearer(made.tokens[0]))
        if self._is_acknowledged(answer, 200):
            made.names = {name}
            made.tokens.insert(0, answer.json()["registration_access_token"])

    async def _delete(self, http: httpx.AsyncClient, made: Registration) -> None:
        made.names |= {None}
        answer = await http.delete(made.uri, headers=_bearer(made.tokens[0]))
        if self._is_acknowledged(answer, 204):
            made.names = {None}

    def _is_acknowledged(self, answer: httpx.Response, status: int) -> bool:
        if answer.status_code == status:
            self.acknowledged_at.append(time.monotonic())
            return True
        self.refused += 1
        if answer.status_code != 503:
            request = f"{answer.request.method} {answer.request.url.path}"
            self.wrong.append(f"{answer.status_code}, not {status}: {request}: {answer.text}")
        return False


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
