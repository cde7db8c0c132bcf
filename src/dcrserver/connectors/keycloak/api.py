"""The calls of Keycloak's Admin REST API that we make, and what its refusals mean."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from http import HTTPStatus
from urllib.parse import quote

from dcrserver.connectors.failures import (
    TargetAway,
    TargetMisconfigured,
    TargetRefused,
    TargetTaken,
    harmless,
)
from dcrserver.connectors.http import Answer, TargetHttp
from dcrserver.connectors.keycloak.account import Account
from dcrserver.strict_json import JsonObject, JsonValue

TAKEN = "client_id: another client of the authorization server is called so"
_PAGE = 100  # of which a client takes least time, when they are not in its cache
_OVERLAP = 10
# Pages at once: one alone leaves all but one of Keycloak's processors idle.
_READERS = 3
_TRIES = 5
_PAUSE_SECONDS = 0.05
# Of writes that meet at one client; it may be made at once.
_DUPLICATE = "Duplicate resource error"
_NO_REALM = "Realm not found."


class AdminApi:
    """One realm's clients and client scopes, asked as our service account."""

    def __init__(self, name: str, url: str, realm: str, http: TargetHttp, account: Account) -> None:
        self.realm = realm
        self.name = name
        self._base = f"{url.rstrip('/')}/admin/realms/{quote(realm, safe='')}"
        self._http = http
        self._account = account

    async def create(self, representation: JsonObject) -> str | None:
        """The UUID of the client that was made; None: its identifier is another's."""
        answer = await self._call("POST", "/clients", json=representation)
        if answer.status == HTTPStatus.CONFLICT:
            return None
        made = answer.headers.get("location", "").rpartition("/")[2]
        if not made:
            raise TargetAway(f"{self.name}: it does not say what it made")
        return made

    async def get(self, uuid: str) -> JsonObject | None:
        """The client; None: it is not there."""
        answer = await self._call("GET", f"/clients/{quote(uuid, safe='')}")
        return answer.body if answer.is_success and isinstance(answer.body, dict) else None

    async def find(self, client_id: str) -> JsonObject | None:
        """The client of that identifier, in the same case."""
        found = await self._list("/clients", {"clientId": client_id})
        return next((each for each in found if each.get("clientId") == client_id), None)

    async def put(self, uuid: str, representation: JsonObject) -> bool:
        """Whether it is there, and so changed.

        Raises:
            TargetTaken: another client has its identifier.
        """
        path = f"/clients/{quote(uuid, safe='')}"
        answer = await self._call("PUT", path, json=representation)
        if answer.status == HTTPStatus.CONFLICT:
            raise TargetTaken(f"{self.name}: another client has this identifier", TAKEN)
        return answer.is_success

    async def delete(self, uuid: str) -> None:
        """Removes the client, if it is there."""
        await self._call("DELETE", f"/clients/{quote(uuid, safe='')}")

    async def add_scope(self, uuid: str, scope_id: str, *, default: bool) -> None:
        """Whether it has the scope without asking for it, or may ask."""
        await self._call("PUT", _scope_path(uuid, scope_id, default=default))

    async def remove_scope(self, uuid: str, scope_id: str, *, default: bool) -> None:
        await self._call("DELETE", _scope_path(uuid, scope_id, default=default))

    async def client_scopes(self) -> list[JsonObject]:
        return await self._list("/client-scopes")

    async def given_scopes(self, *, default: bool) -> list[JsonObject]:
        """Those that the realm gives to new clients."""
        kind = "default" if default else "optional"
        return await self._list(f"/default-{kind}-client-scopes")

    async def clients(self) -> AsyncGenerator[JsonObject, None]:
        """All of them, each once. Pages overlap, as what is deleted before one would hide another;
        where nothing of a page was in the one before, it begins further back.
        """
        seen: set[str] = set()
        first, ahead = 0, _Ahead(self._page)
        try:
            while True:
                page = await ahead.page(first)
                known = sum(str(each.get("id")) in seen for each in page)
                if first and page and not known:
                    await ahead.drop()
                    first = max(0, first - _PAGE)
                    continue
                for each in page:
                    if (uuid := str(each.get("id"))) not in seen:
                        seen.add(uuid)
                        yield each
                if len(page) < _PAGE:
                    return
                first += _PAGE - _OVERLAP
        finally:
            await ahead.drop()

    async def _page(self, first: int) -> list[JsonObject]:
        return await self._list("/clients", {"first": str(first), "max": str(_PAGE)})

    async def _list(self, path: str, params: Mapping[str, str] | None = None) -> list[JsonObject]:
        answer = await self._call("GET", path, params=params)
        if not answer.is_success or not isinstance(answer.body, list):
            raise TargetAway(f"{self.name}: no list from {path}")
        return [each for each in answer.body if isinstance(each, dict)]

    async def _call(
        self,
        method: str,
        path: str,
        *,
        json: JsonValue = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        for attempt in range(_TRIES):
            answer = await self._let_in(method, path, json, params)
            if answer.status != HTTPStatus.CONFLICT or _DUPLICATE not in _said(answer):
                self._check(answer)
                return answer
            await asyncio.sleep(_PAUSE_SECONDS * (attempt + secrets.randbelow(100) / 100))
        raise TargetAway(f"{self.name}: others change the same client", is_unknown=False)

    async def _let_in(
        self, method: str, path: str, json: JsonValue, params: Mapping[str, str] | None
    ) -> Answer:
        """A token that ended before its time, or was revoked, is renewed once."""
        refused = None
        for _ in range(2):
            token = refused = await self._account.token(self.realm, refused)
            headers = {"Authorization": f"Bearer {token}"}
            url = f"{self._base}{path}"
            answer = await self._http.call(method, url, json=json, params=params, headers=headers)
            if answer.status != HTTPStatus.UNAUTHORIZED:
                return answer
        raise TargetMisconfigured(f"{self.name}: our access token is not taken (status 401)")

    def _check(self, answer: Answer) -> None:
        status, said = answer.status, _said(answer)
        if status == HTTPStatus.FORBIDDEN:
            raise TargetMisconfigured(
                f"{self.name}: our account lacks the role manage-clients in realm {self.realm}"
            )
        if status == HTTPStatus.NOT_FOUND and said == _NO_REALM:
            raise TargetMisconfigured(f"{self.name}: there is no realm {self.realm}")
        if answer.is_success or status in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
            return
        raise TargetRefused(f"{self.name}: status {status}", harmless(said) or "it was refused")


class _Ahead:
    """Pages, of which those that come next are read while one is looked at."""

    def __init__(self, read: Callable[[int], Coroutine[None, None, list[JsonObject]]]) -> None:
        self._read = read
        self._reading: dict[int, asyncio.Task[list[JsonObject]]] = {}

    async def page(self, first: int) -> list[JsonObject]:
        """The one that begins at ``first``."""
        step = _PAGE - _OVERLAP
        for offset in range(first, first + _READERS * step, step):
            if offset not in self._reading:
                self._reading[offset] = asyncio.create_task(self._read(offset))
        return await self._reading.pop(first)

    async def drop(self) -> None:
        """Forgets what is being read."""
        for task in self._reading.values():
            task.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)
        self._reading.clear()


def _scope_path(uuid: str, scope_id: str, *, default: bool) -> str:
    kind = "default" if default else "optional"
    return f"/clients/{quote(uuid, safe='')}/{kind}-client-scopes/{quote(scope_id, safe='')}"


def _said(answer: Answer) -> str:
    """Its own words: in one of three members, by where in Keycloak it was refused."""
    body = answer.body if isinstance(answer.body, dict) else {}
    words = (body.get(name) for name in ("error_description", "errorMessage", "error"))
    return next((each for each in words if isinstance(each, str) and each), "")
