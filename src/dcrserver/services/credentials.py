"""Step: what a client is given when it is registered, and what is kept of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from dcrserver import security
from dcrserver.metadata import ClientMetadata, needs_readable_secret, needs_secret
from dcrserver.repositories.clients import ClientRecord
from dcrserver.security import SecretBox
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

REGISTRATION_TOKEN_PREFIX = "rat"  # noqa: S105 - a prefix


@dataclass(frozen=True, slots=True)
class Secret:
    """A client secret: shown once as ``value``, kept as ``digest`` and maybe ``ciphertext``.

    ``value`` is None when it was issued before. ``expires_at`` 0: never.
    """

    value: str | None
    digest: str
    ciphertext: str | None
    expires_at: int

    @property
    def is_expired(self) -> bool:
        return 0 < self.expires_at <= time.time()


class SecretIssuer:
    """Issues client secrets; ``lifetime`` in seconds, 0 for ever."""

    def __init__(self, box: SecretBox, lifetime: int) -> None:
        self._box = box
        self._lifetime = lifetime

    def for_client(
        self,
        client_id: str,
        metadata: ClientMetadata,
        current: ClientRecord | None = None,
    ) -> Secret | None:
        """The secret that goes with ``metadata``: the current one if it still serves.

        One that has expired is replaced: an update is how a client gets a new one (RFC 7592 2.2).
        """
        if not needs_secret(metadata):
            return None
        readable = needs_readable_secret(metadata)
        kept = None if current is None else secret_of(current)
        if kept is not None and not kept.is_expired and (not readable or kept.ciphertext):
            return kept if readable else replace(kept, ciphertext=None)
        value = security.new_client_secret()
        return Secret(
            value,
            security.secret_digest(value),
            self._box.encrypt(value, client_id) if readable else None,
            int(time.time()) + self._lifetime if self._lifetime else 0,
        )


def client_information(
    tenant: Tenant,
    metadata: ClientMetadata,
    *,
    client_id: str,
    issued_at: int,
    secret: Secret | None,
    registration_access_token: str,
) -> JsonObject:
    """The client information response (RFC 7591 3.2.1, RFC 7592 3)."""
    made: JsonObject = {"client_id": client_id, "client_id_issued_at": issued_at}
    if secret is not None:
        if secret.value is not None:
            made["client_secret"] = secret.value
        made["client_secret_expires_at"] = secret.expires_at
    made["registration_access_token"] = registration_access_token
    made["registration_client_uri"] = tenant.registration_client_uri(client_id)
    made.update(metadata.members)
    return made


def secret_of(record: ClientRecord) -> Secret | None:
    """The secret of a stored client, without its value."""
    if record.client_secret_digest is None:
        return None
    return Secret(
        None,
        record.client_secret_digest,
        record.client_secret_ciphertext,
        record.client_secret_expires_at,
    )
