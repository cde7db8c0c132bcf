"""Use case: administrators look at the keys that sign access tokens, replace and discard them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from dcrserver.errors import NotFound
from dcrserver.services.access.versions import ANY, Expected, etag_of
from dcrserver.services.audit import Origin
from dcrserver.services.tokens.signing_keys import (
    PUBLISHED_AHEAD,
    RETIRED_AFTER,
    SigningKeys,
    StoredKey,
)
from dcrserver.strict_json import JsonObject

_NOT_THERE = "there is no such signing key"
KeyState: TypeAlias = Literal["signs", "published", "verifies", "unreadable"]


@dataclass(frozen=True, slots=True)
class KeyView:
    """A signing key without its private part; times in seconds since 1970, 0 for not known yet.

    ``state``: it signs; it is published, and will sign from ``signs_from``; its tokens are verified
    until ``verifies_until``, when the schedule retires it; or no configured key opens it.
    """

    kid: str
    algorithm: str
    state: KeyState
    created_at: int
    signs_from: int
    verifies_until: int
    public_jwk: JsonObject | None

    @property
    def etag(self) -> str:
        return etag_of(self.kid, self.state, self.verifies_until)


class KeyAdministrationService:
    """Use case: the signing keys of a tenant, as the schedule and administrators made them."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    async def keys(self, tenant: str) -> list[KeyView]:
        """All that are stored, oldest first.

        Raises:
            Unavailable: the database does not answer.
        """
        return self._views(await self._keys.stored(tenant))

    def _views(self, stored: Sequence[StoredKey]) -> list[KeyView]:
        readable = [each.key for each in stored if each.key is not None]
        signing = self._keys.signing_among(readable)
        kid = None if signing is None else signing.kid
        return [_view(stored, number, kid) for number in range(len(stored))]

    async def key(self, tenant: str, kid: str) -> KeyView:
        """One of the tenant's keys.

        Raises:
            NotFound: there is none.
        """
        return _named(await self.keys(tenant), kid)

    async def rotate(self, tenant: str, origin: Origin) -> KeyView:
        """A new key now, before the schedule would make it.

        Raises:
            UnreadableKey: one that is there cannot be read: whoever can would sign with ours.
        """
        return await self.key(tenant, await self._keys.create(tenant, origin))

    async def discard(
        self, tenant: str, kid: str, origin: Origin, expected: Expected = ANY
    ) -> None:
        """Ends a key at once, and all tokens that it signed.

        Raises:
            NotFound: there is none.
            PreconditionFailed: it is not what was ``expected``.
        """

        def check(stored: Sequence[StoredKey]) -> None:
            expected.check(_named(self._views(stored), kid).etag)

        is_any = expected is ANY
        if not await self._keys.discard(tenant, kid, origin, None if is_any else check):
            raise NotFound(_NOT_THERE)


def _named(views: Sequence[KeyView], kid: str) -> KeyView:
    """
    Raises:
        NotFound: none of the ``views`` is of this key.
    """
    for each in views:
        if each.kid == kid:
            return each
    raise NotFound(_NOT_THERE)


def _view(stored: Sequence[StoredKey], number: int, signing: str | None) -> KeyView:
    row, key = stored[number]
    successors = stored[number + 1 :]
    return KeyView(
        row.kid,
        row.algorithm,
        _state(stored[number], signing),
        row.created_at,
        row.created_at + PUBLISHED_AHEAD if number else row.created_at,
        successors[0].row.created_at + RETIRED_AFTER if successors else 0,
        None if key is None else key.public_jwk,
    )


def _state(stored: StoredKey, signing: str | None) -> KeyState:
    if stored.key is None:
        return "unreadable"
    if stored.row.kid == signing:
        return "signs"
    return "published" if stored.row.created_at + PUBLISHED_AHEAD > time.time() else "verifies"
