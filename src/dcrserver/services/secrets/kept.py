"""The secrets of a client as they are kept, and what is told of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from dcrserver.repositories.clients import ClientRecord
from dcrserver.security import SealedIn
from dcrserver.strict_json import JsonObject, dumps


class ClientSecret(NamedTuple):
    """One secret as it is kept; ``ciphertext`` where it must be read again.

    ``expires_at`` 0: never.
    """

    id: str
    digest: str
    ciphertext: str | None
    issued_at: int
    expires_at: int
    # A copy for targets, until it is written: the repository of clients takes it to the links.
    sealed: str | None = None

    def is_live(self) -> bool:
        return self.expires_at == 0 or self.expires_at > time.time()

    def without_copy(self) -> ClientSecret:
        """The same, by its digest alone."""
        return self if self.ciphertext is None else self._replace(ciphertext=None)

    def ending(self, at: int) -> ClientSecret:
        """The same, not to outlive ``at``."""
        return self._replace(expires_at=min(self.expires_at or at, at))


_STORED = ClientSecret._fields[:-1]


class ChosenSecret(NamedTuple):
    """What somebody chose for a secret; None: as it is made otherwise. ``expires_at`` 0: never."""

    value: str | None = None
    expires_at: int | None = None


class ClientSecrets(NamedTuple):
    """All secrets of a client, newest first; ``value`` of the newest where it is to be shown."""

    held: tuple[ClientSecret, ...] = ()
    value: str | None = None

    @property
    def is_new(self) -> bool:
        return self.value is not None

    def to_json(self) -> str | None:
        return dumps([_stored(secret) for secret in self.held]) if self.held else None

    def members(self) -> JsonObject:
        """What the client information response tells of them (RFC 7591 3.2.1)."""
        made: JsonObject = {}
        if self.value is not None:
            made["client_secret"] = self.value
        if self.held:
            made["client_secret_expires_at"] = self.held[0].expires_at
        return made


def _stored(secret: ClientSecret) -> dict[str, Any]:
    fields = ClientSecret._fields if secret.sealed else _STORED
    return dict(zip(fields, secret, strict=False))


def secrets_of(record: ClientRecord) -> ClientSecrets:
    """As they are stored, expired ones too."""
    stored = orjson.loads(record.client_secrets) if record.client_secrets else []
    return ClientSecrets(tuple([ClientSecret(**secret) for secret in stored]))


def place_of(tenant: str, client_id: str) -> SealedIn:
    """Where the readable copies of a client's secrets belong."""
    return SealedIn(tenant, "client_secret", client_id)


def without(held: Sequence[ClientSecret], secret_id: str) -> tuple[ClientSecret, ...]:
    return tuple(secret for secret in held if secret.id != secret_id)
