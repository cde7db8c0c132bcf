"""Step: the secrets of a client, made and rotated.

At most two live ones, but for those that came from another server.
"""

from __future__ import annotations

import time

from dcrserver import security
from dcrserver.connectors.client import NewSecret
from dcrserver.metadata import ClientMetadata, Policy, needs_readable_secret, needs_secret
from dcrserver.repositories.clients import ClientRecord
from dcrserver.security import SealedIn, SecretBox
from dcrserver.services.secrets.kept import (
    ChosenSecret,
    ClientSecret,
    ClientSecrets,
    place_of,
    secrets_of,
)
from dcrserver.services.secrets.sealing import Sealing
from dcrserver.strict_json import stored


class SecretIssuer:
    """Step: the secrets that a client has after registration, update or rotation."""

    def __init__(self, box: SecretBox, sealing: Sealing | None = None) -> None:
        self._box = box
        # None: there are no targets.
        self._sealing = sealing

    def first(
        self,
        tenant: str,
        client_id: str,
        metadata: ClientMetadata,
        policy: Policy,
        chosen: ChosenSecret | None = None,
    ) -> ClientSecrets:
        """What a new client with ``metadata`` is given."""
        if not needs_secret(metadata):
            return ClientSecrets()
        value, secret = self._new(place_of(tenant, client_id), metadata, policy, chosen)
        return ClientSecrets((secret,), value)

    def given(
        self, record: ClientRecord, client_id: str, value: str | None, expires_at: int
    ) -> ClientSecrets:
        """What a client has whose secret, if it has one, another server made with its id."""
        metadata = ClientMetadata(stored(record.metadata))
        if value is None or not needs_secret(metadata):
            return ClientSecrets()
        place = place_of(record.tenant, client_id)
        return ClientSecrets((self._kept(place, metadata, NewSecret(value, expires_at)),), value)

    def taken_over(self, record: ClientRecord, value: str, expires_at: int) -> ClientSecrets:
        """What a client has where another server made a secret in place of its newest."""
        newest, *before = secrets_of(record).held
        until = max([old.expires_at for old in before if old.is_live()], default=0)
        place = place_of(record.tenant, record.client_id)
        new = NewSecret(value, expires_at, until)
        made = self._kept(place, ClientMetadata(stored(record.metadata)), new)
        return ClientSecrets((made._replace(id=newest.id), *before), value)

    def updated(
        self,
        record: ClientRecord,
        before: ClientMetadata,
        metadata: ClientMetadata,
        policy: Policy,
    ) -> ClientSecrets:
        """What goes with ``metadata`` in place of ``before``: the present secrets if they serve.

        One that has expired is replaced, and so is one of another method (RFC 7592 2.2, POL-55).
        """
        if not needs_secret(metadata):
            return ClientSecrets()
        kept = self._serving(record, metadata)
        if kept and needs_secret(before) and before.auth_method == metadata.auth_method:
            return ClientSecrets(kept)
        return self.rotated(record, metadata, policy)

    def rotated(
        self, record: ClientRecord, metadata: ClientMetadata, policy: Policy
    ) -> ClientSecrets:
        """A new secret; the newest before it works on for the policy's overlap, no other does."""
        ends_at = int(time.time()) + policy.secrets.overlap
        place = place_of(record.tenant, record.client_id)
        kept = [old.ending(ends_at) for old in self._serving(record, metadata)[:1]]
        until = max([old.expires_at for old in kept if old.is_live()], default=0)
        value, secret = self._new(place, metadata, policy, previous_until=until)
        return ClientSecrets((secret, *(old for old in kept if old.is_live())), value)

    def are_told(self, tenant: str) -> bool:
        """Whether targets have the newest secrets of the tenant's clients, too."""
        return self._sealing is not None and self._sealing.is_wanted(tenant)

    def readable(self, record: ClientRecord, secret: ClientSecret) -> str | None:
        """The secret itself, one of ``record``'s, where a copy is kept.

        Raises:
            UndecipherableError: it was encrypted under a key that is no longer configured.
        """
        if secret.ciphertext is None:
            return None
        return self._box.decrypt(secret.ciphertext, place_of(record.tenant, record.client_id))

    def _new(
        self,
        place: SealedIn,
        metadata: ClientMetadata,
        policy: Policy,
        chosen: ChosenSecret | None = None,
        previous_until: int = 0,
    ) -> tuple[str, ClientSecret]:
        lifetime = policy.secrets.lifetime
        value = security.new_client_secret()
        expires_at = int(time.time()) + lifetime if lifetime else 0
        if chosen is not None:
            value = value if chosen.value is None else chosen.value
            expires_at = expires_at if chosen.expires_at is None else chosen.expires_at
        new = NewSecret(value, expires_at, previous_until, is_told=chosen is not None)
        return value, self._kept(place, metadata, new)

    def _kept(self, place: SealedIn, metadata: ClientMetadata, new: NewSecret) -> ClientSecret:
        readable, sealed = needs_readable_secret(metadata), None
        if self._sealing is not None:
            sealed = self._sealing.sealed(place.tenant, place.id, new)
        return ClientSecret(
            id=security.new_id(),
            digest=security.secret_digest(new.value),
            ciphertext=self._box.encrypt(new.value, place) if readable else None,
            issued_at=int(time.time()),
            expires_at=new.expires_at,
            sealed=sealed,
        )

    def _serving(self, record: ClientRecord, metadata: ClientMetadata) -> tuple[ClientSecret, ...]:
        """The live secrets that can be used with ``metadata``; no copy stays without need."""
        live = [secret for secret in secrets_of(record).held if secret.is_live()]
        if needs_readable_secret(metadata):
            return tuple(secret for secret in live if secret.ciphertext)
        return tuple([secret.without_copy() for secret in live])
