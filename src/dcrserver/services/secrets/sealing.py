"""Step: what is kept encrypted for targets: a new secret until it is delivered, and what a
connector must remember of a client.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from dcrserver.connectors.client import NewSecret
from dcrserver.security import SealedIn, SecretBox
from dcrserver.strict_json import JsonObject, JsonValue, dumps


class Sealing:
    """``is_wanted``: whether any target is told of the clients of a tenant."""

    def __init__(self, box: SecretBox, is_wanted: Callable[[str], bool]) -> None:
        self._box = box
        self.is_wanted = is_wanted

    def sealed(self, tenant: str, client_id: str, secret: NewSecret) -> str | None:
        """A copy of a client's new secret for the targets of its tenant; None: there is none."""
        if not self.is_wanted(tenant):
            return None
        return self._box.encrypt(dumps(list(secret)), _secret_of(tenant, client_id))

    def opened(self, tenant: str, client_id: str, sealed: str) -> NewSecret:
        """The secret in such a copy.

        Raises:
            UndecipherableError: it was encrypted under a key that is no longer configured.
        """
        return NewSecret(*json.loads(self._box.decrypt(sealed, _secret_of(tenant, client_id))))

    def kept(self, tenant: str, client_id: str, kept: Mapping[str, JsonValue]) -> str | None:
        """What a connector must remember of a client, as it is stored."""
        return self._box.encrypt(dumps(dict(kept)), _kept_of(tenant, client_id)) if kept else None

    def remembered(self, tenant: str, client_id: str, kept: str | None) -> JsonObject:
        """What a connector remembers.

        Raises:
            UndecipherableError: as of ``opened``.
        """
        if kept is None:
            return {}
        made: JsonObject = json.loads(self._box.decrypt(kept, _kept_of(tenant, client_id)))
        return made

    def renewed(self, tenant: str, client_id: str, sealed: str | None) -> str | None:
        """A sealed secret under the first key.

        Raises:
            UndecipherableError: as of ``opened``.
        """
        return sealed and self._renewed(sealed, _secret_of(tenant, client_id))

    def renewed_kept(self, tenant: str, client_id: str, kept: str | None) -> str | None:
        """What is remembered under the first key.

        Raises:
            UndecipherableError: as of ``opened``.
        """
        return kept and self._renewed(kept, _kept_of(tenant, client_id))

    def is_current(self, ciphertext: str | None) -> bool:
        """Whether there is nothing to renew."""
        return ciphertext is None or self._box.is_current(ciphertext)

    def _renewed(self, ciphertext: str, place: SealedIn) -> str:
        return self._box.encrypt(self._box.decrypt(ciphertext, place), place)


def _secret_of(tenant: str, client_id: str) -> SealedIn:
    return SealedIn(tenant, "undelivered_secret", client_id)


def _kept_of(tenant: str, client_id: str) -> SealedIn:
    return SealedIn(tenant, "kept_by_connector", client_id)
