"""Use case: clients of another server come here, with their ids and secrets or the hashes of them.

A line is a client of a server that ``dcrserver.moving`` knows, or a client metadata object
(RFC 7591 2) with ``client_id`` and, as far as there are any, the members of ``OWN``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dcrserver import security
from dcrserver.errors import Unavailable
from dcrserver.metadata import ClientMetadata, needs_readable_secret, needs_secret
from dcrserver.metadata.bounds import Bounds
from dcrserver.metadata.catalogue.extensions import CLIENT_CREDENTIALS_LIFETIME
from dcrserver.moving import Moved, moved, without_empty
from dcrserver.names import ClientOrigin
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.events import EventRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import SecretBox
from dcrserver.services import audit
from dcrserver.services.access.policy_bindings import bind
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.clients.foreign_clients import (
    EARLIER_LIFETIME,
    OWN,
    approval_in,
    bounds_in,
    client_id_in,
    registration_in,
    with_own,
)
from dcrserver.services.clients.foreign_credentials import Held, NotImportable, secrets_in
from dcrserver.services.registration.client_expiry import ends_at
from dcrserver.services.registration.client_information import new_record
from dcrserver.services.registration.decisions import brought
from dcrserver.services.registration.policy import Asking
from dcrserver.services.secrets.kept import ClientSecrets, place_of
from dcrserver.services.secrets.sealing import Sealing
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, dumps
from dcrserver.tenants import Tenant

_SECRETS = ("client_secret", "client_secret_hash", "client_secrets")
_ONLY_DIGEST = (
    "it is kept as a digest only, which its method cannot use: set secrets.encryption_keys before"
    " the import, or rotate the secret when the method is served"
)
# How many slow hashes are made at a time.
_HASHING = 2
Hashes = Mapping[str, JsonObject]


class Import(NamedTuple):
    """A client that was found good, as it will be stored; ``held`` until slow hashes are made."""

    record: ClientRecord
    held: Held | None = None


class ClientImportService:
    """Use case: clients of another server move in, with their ids and secrets."""

    def __init__(self, database: Database, box: SecretBox, sealing: Sealing | None = None) -> None:
        self._database = database
        self._box = box
        self._sealing = sealing

    def judge(
        self,
        tenant: Tenant,
        bounds: Bounds,
        origin: Origin,
        value: JsonValue | BadJson,
        hashes: Hashes | None = None,
    ) -> tuple[Moved, Import | None]:
        """What becomes of a client, judged as a registration would be; nothing is fetched.

        ``hashes`` are rows of another server's table, by client_id. None instead of a client where
        it is refused.
        """
        if isinstance(value, BadJson):
            return Moved(None, refused=str(value).replace("the body", "it")), None
        if not isinstance(value, dict):
            return Moved(None, refused="it is not a JSON object"), None
        made_of = moved(value, hashes)
        if made_of.refused is None:
            try:
                return made_of, self._import(tenant, bounds, origin, made_of)
            except NotImportable as error:
                made_of.refused = str(error)
            except Unavailable as error:  # its policy is not configured here
                made_of.refused = error.description
        return made_of, None

    def _import(self, tenant: Tenant, bounds: Bounds, origin: Origin, made_of: Moved) -> Import:
        given = without_empty(made_of.registration)
        own = {name: given.pop(name, None) for name in OWN}
        client_id = client_id_in(own)
        if own["bounds"] is not None:
            before = bounds_in(own["bounds"])
            # No line gets around the policy that the operator names, and another server's versions
            # are not ours.
            bounds = before.of(bounds.policy or before.policy)
        bounds = tenant.bound_for_life(bounds)
        if own[EARLIER_LIFETIME] is not None:
            given.setdefault(CLIENT_CREDENTIALS_LIFETIME, own[EARLIER_LIFETIME])
        # One that waits for an approval waits on.
        waits = approval_in(own) is not None
        asking = Asking(tenant.name, origin, ClientOrigin.IMPORT.word, may_wait=waits)
        metadata, unserved, ruled = registration_in(given, tenant, bounds, asking, made_of)
        held = self._held(tenant, client_id, own, metadata, unserved, made_of)
        is_slow = any(held.chosen)
        secrets = ClientSecrets() if is_slow else held.with_digests({})
        text = dumps(metadata.members)
        record = new_record(tenant, client_id, text, secrets, bounds, origin=ClientOrigin.IMPORT)
        record = with_own(record, own)
        record = record._replace(tags=ruled.tagged(record.tags))
        if record.expires_at is None:
            policy = tenant.terms_within(bounds).policy
            record = record._replace(expires_at=ends_at(policy, asking, metadata))
        if record.has_ended:
            made_of.map("expires_at", "it is past: the client is removed a minute later")
        return Import(record, held if is_slow else None)

    def _held(
        self,
        tenant: Tenant,
        client_id: str,
        own: JsonObject,
        metadata: ClientMetadata,
        unserved: frozenset[str],
        made_of: Moved,
    ) -> Held:
        """
        Raises:
            NotImportable: there is none, or none that its method could use.
        """
        if not needs_secret(metadata):
            for name in _SECRETS:
                if own[name]:
                    made_of.drop(name, "its method needs none")
            return Held()
        readable = needs_readable_secret(metadata)
        place = place_of(tenant.name, client_id)
        held = secrets_in(own, place, self._box, self._sealing, readable=readable)
        if not held.secrets:
            raise NotImportable(
                f"needs one of client_secret and client_secret_hash for {metadata.auth_method};"
                " neither was given"
            )
        if readable and not held.is_readable:
            served = {n: v for n, v in metadata.members.items() if n not in unserved}
            if needs_readable_secret(ClientMetadata(served)):
                raise NotImportable(
                    "client_secret must be readable for the registered algorithms: its hash is not"
                    " enough"
                )
            made_of.drop("client_secret", _ONLY_DIGEST)
        if not any(secret.is_live() for secret in held.secrets):
            made_of.map("client_secret", "it has expired")
        return held

    async def known(self, tenant: Tenant, clients: Sequence[Import]) -> set[str]:
        """The client_id of each of ``clients`` that is there already.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.read() as tx:
            return await tx.clients.known(tenant.name, [each.record.client_id for each in clients])

    async def restorable(self, tenant: Tenant, clients: Sequence[Import]) -> set[str]:
        """The client_id of each of ``clients`` that was deleted and can be restored.

        Raises:
            Unavailable: the database does not answer.
        """
        names, now = [each.record.client_id for each in clients], int(time.time())
        async with self._database.read() as tx:
            return await tx.deleted_clients.restorable(tenant.name, names, now)

    async def write(self, tenant: Tenant, clients: Sequence[Import], origin: Origin) -> int:
        """Imports those of ``clients`` that are not there yet, all or none; how many.

        Raises:
            Unavailable: the database does not answer; none was imported.
        """
        records = await self.prepared(tenant, clients)
        if not records:
            return 0
        return await self._database.transact(lambda tx: add_new(tx, tenant, records, origin))

    async def prepared(self, tenant: Tenant, clients: Sequence[Import]) -> list[ClientRecord]:
        """What is stored of those of ``clients`` that may be new, with slow hashes of the secrets
        that people chose.
        """
        slow = [each for each in clients if each.held]
        there = await self.known(tenant, slow) if slow else set()
        return await _hashed([each for each in clients if each.record.client_id not in there])


async def add_new(
    tx: Transaction, tenant: Tenant, records: Sequence[ClientRecord], origin: Origin
) -> int:
    """Writes those of ``records`` that are not there yet, with their events; how many.

    Raises:
        Unavailable: a policy that one of them is bound to was deleted a moment ago.
    """
    known = await tx.clients.known(tenant.name, [record.client_id for record in records])
    new = [record for record in records if record.client_id not in known]
    for bounds in {record.bounds for record in new}:
        await bind(tx, tenant, Bounds.from_json(bounds))
    for record in new:
        if record.approval is not None:
            # Of one that was called so before, and was deleted.
            await tx.client_approvals.delete(record.tenant, record.client_id)
            tx.client_approvals.add(brought(tenant, record))
        # Where a hash is all that came, no target can be told the secret.
        tx.clients.add(record, _event(tenant, origin, record), is_secret_known=False)
    return len(new)


async def _hashed(clients: Sequence[Import]) -> list[ClientRecord]:
    """What is stored of ``clients``, when the slow hashes of secrets that people chose are made."""
    chosen = {c for each in clients if each.held for c in each.held.chosen if c is not None}
    slots = asyncio.Semaphore(_HASHING)

    async def digest(secret: str) -> str:
        async with slots:
            return await asyncio.to_thread(security.slow_digest, secret)

    made = await asyncio.gather(*(digest(secret) for secret in chosen))
    digests = dict(zip(chosen, made, strict=True))
    return [
        each.record._replace(client_secrets=each.held.with_digests(digests).to_json())
        if each.held
        else each.record
        for each in clients
    ]


def _event(tenant: Tenant, origin: Origin, record: ClientRecord) -> EventRecord:
    changes: JsonObject = {"secret": record.client_secrets is not None}
    return audit.event(
        EventType.CLIENT_IMPORTED,
        tenant=tenant.name,
        origin=origin,
        subject=Subject(SubjectKind.CLIENT, record.client_id),
        changes=changes,
    )
