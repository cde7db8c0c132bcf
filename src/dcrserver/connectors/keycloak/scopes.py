"""Which client scopes of a realm a client is given: those it may ask for, and what each needs.

Keycloak drops names that it does not know without a word, and without ``basic`` no token has a
subject; so the lists are made of what the realm has, and what it has not is refused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from typing import NamedTuple

from dcrserver.connectors.failures import TargetRefused, harmless
from dcrserver.connectors.keycloak.api import AdminApi
from dcrserver.connectors.keycloak.values import texts
from dcrserver.strict_json import JsonObject, JsonValue

# With it and without refresh tokens, UserInfo answers 401.
OFFLINE = "offline_access"
# No client scope there, and always to be had.
_OPENID = "openid"
_KEPT_SECONDS = 300
# Strangers may ask for scopes that are nowhere, each of which might have been made a moment ago.
_ASKED_AGAIN_SECONDS = 5


class Facts(NamedTuple):
    """The client scopes of a realm by name, and those that it gives to new clients.

    ``internal``: no client asks for them; they carry what tokens always have.
    """

    ids: Mapping[str, str]
    internal: frozenset[str]
    default: frozenset[str]
    optional: frozenset[str]

    def askable(self, metadata: JsonObject) -> frozenset[str]:
        """What a client may ask for: its scope, or, without one, what the realm gives."""
        scope = metadata.get("scope")
        if isinstance(scope, str):
            return frozenset(scope.split()) - {_OPENID}
        refreshes = "refresh_token" in texts(metadata, "grant_types")
        unfit = frozenset() if refreshes else frozenset({OFFLINE})
        return (self.default | self.optional) - self.internal - unfit

    def by_itself(self, metadata: JsonObject) -> frozenset[str]:
        """What a new client has without asking for it."""
        return self.needed() if "scope" in metadata else self.default

    def needed(self) -> frozenset[str]:
        """Those of the realm's own that no client may lack: basic, acr, web-origins, roles ..."""
        return self.default & self.internal


class Moves(NamedTuple):
    """Scopes to give and to take, by id; True: in the list of those that need not be asked for."""

    added: list[tuple[str, bool]]
    removed: list[tuple[str, bool]]


class RealmScopes:
    """What is known of a realm's scopes, asked again now and then."""

    def __init__(self, api: AdminApi) -> None:
        self._api = api
        self._facts: Facts | None = None
        self._asked_at = 0.0
        self._asking = asyncio.Lock()

    @property
    def known(self) -> Facts | None:
        """As it was read last."""
        return self._facts

    async def facts(self, *names: str) -> Facts:
        """The scopes of the realm; asked again where one of ``names`` is not among them."""
        async with self._asking:
            age = time.monotonic() - self._asked_at
            facts = self._facts
            is_old = age > _KEPT_SECONDS
            lacks = facts is not None and not facts.ids.keys() >= {*names} - {_OPENID}
            if facts is None or is_old or (lacks and age > _ASKED_AGAIN_SECONDS):
                facts = self._facts = await self._read()
                self._asked_at = time.monotonic()
            return facts

    async def for_client(self, metadata: JsonObject) -> Facts:
        """The same for a client.

        Raises:
            TargetRefused: the realm does not have all of it.
        """
        facts = await self.facts(*str(metadata.get("scope") or "").split())
        if unknown := sorted(facts.askable(metadata) - facts.ids.keys()):
            reason = harmless(f"scope: the authorization server does not know {unknown[0]}")
            raise TargetRefused(f"{self._api.name}: the realm lacks a client scope", reason)
        return facts

    async def _read(self) -> Facts:
        every = [each for each in await self._api.client_scopes() if _is_openid_connect(each)]
        default = await self._api.given_scopes(default=True)
        optional = await self._api.given_scopes(default=False)
        ids = {str(each["name"]): str(each["id"]) for each in every}
        return Facts(
            ids,
            frozenset(str(each["name"]) for each in every if _is_internal(each)),
            frozenset(str(each["name"]) for each in default) & ids.keys(),
            frozenset(str(each["name"]) for each in optional) & ids.keys(),
        )


def _is_openid_connect(scope: JsonObject) -> bool:
    return scope.get("protocol") == "openid-connect"


def _is_internal(scope: JsonObject) -> bool:
    attributes = scope.get("attributes")
    return isinstance(attributes, dict) and attributes.get("include.in.token.scope") == "false"


def lists(facts: Facts, metadata: JsonObject) -> JsonObject:
    """Both lists of a new client; neither where they are what the realm gives. For a list Keycloak
    takes away again each scope that it gave, which is two fifths of its time for a client.
    """
    by_itself = facts.by_itself(metadata)
    beside = facts.askable(metadata) - by_itself
    if (by_itself, beside) == (facts.default, facts.optional):
        return {}
    return {"defaultClientScopes": [*sorted(by_itself)], "optionalClientScopes": [*sorted(beside)]}


def moves(facts: Facts, metadata: JsonObject, remote: Mapping[str, JsonValue]) -> Moves:
    """What brings a client there to what it is here. In which of the lists a scope is that it may
    ask for, and which of those nobody asks for it has beside, is the realm's own business.
    """
    default, optional = _names(remote, "default"), _names(remote, "optional")
    wanted, by_itself = facts.askable(metadata) | facts.needed(), facts.by_itself(metadata)
    added = sorted(wanted - default - optional)
    there = [(name, True) for name in sorted(default)]
    there += [(name, False) for name in sorted(optional)]
    return Moves(
        [(facts.ids[name], name in by_itself) for name in added if name in facts.ids],
        [
            (facts.ids[name], is_default)
            for name, is_default in there
            if name in facts.ids and name not in wanted | facts.internal
        ],
    )


def _names(remote: Mapping[str, JsonValue], kind: str) -> set[str]:
    found = remote.get(f"{kind}ClientScopes")
    return set(map(str, found)) if isinstance(found, list) else set()


def differs(facts: Facts, metadata: JsonObject, remote: Mapping[str, JsonValue]) -> bool:
    """Whether the client there may ask for something else, or lacks what it needs."""
    unknown = facts.askable(metadata) - facts.ids.keys()
    return bool(unknown) or moves(facts, metadata, remote) != Moves([], [])


def told(facts: Facts, remote: Mapping[str, JsonValue]) -> str:
    """The scope of a client there, in words of RFC 7591."""
    return _scope((_names(remote, "default") | _names(remote, "optional")) - facts.internal)


def given(facts: Facts, metadata: JsonObject) -> str:
    """The scope of a client, also of one that registered none."""
    return _scope(facts.askable(metadata))


def _scope(names: Collection[str]) -> str:
    return " ".join([_OPENID, *sorted(names)])
