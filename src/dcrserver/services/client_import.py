"""Use case: clients of another server come here, with their ids and secrets or the hashes of them.

A line is a client metadata object (RFC 7591 2) with ``client_id`` and, as far as there are any,
``client_secret`` or ``client_secret_hash``, ``client_secret_expires_at``, ``client_id_issued_at``
and ``registration_access_token``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dcrserver import security
from dcrserver.errors import RegistrationError
from dcrserver.metadata import SERVER_ASSIGNED, ClientMetadata, explain, needs_secret, validate
from dcrserver.metadata.bounds import Bounds
from dcrserver.moving import Moved, moved
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services import audit
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.client_secrets import ClientSecrets, SecretIssuer, place_of
from dcrserver.services.credentials import new_record
from dcrserver.strict_json import BadJson, JsonObject, dumps, loads_object
from dcrserver.tenants import Tenant

# In the path of registration_client_uri they would lead elsewhere, however they are escaped.
_DOT_SEGMENTS = (".", "..")
_MAX_TIME = 2**53
_MAX_MEMBERS = 10_000
_HASH = "client_secret_hash"
_SECRETS = ("client_secret", _HASH)
Hashes = Mapping[str, JsonObject]


class NotImportable(ValueError):
    """A line cannot be imported; the message says why."""


@dataclass(frozen=True, slots=True)
class Import:
    """A line that was found good; ``secret`` is still to be hashed when there is no ``digest``."""

    client_id: str
    metadata: ClientMetadata
    issued_at: int | None
    secret: str | None
    digest: str | None
    secret_expires_at: int
    registration_access_token: str | None


class ClientImportService:
    def __init__(self, database: Database, secrets: SecretIssuer) -> None:
        self._database = database
        self._secrets = secrets

    def read(
        self, tenant: Tenant, bounds: Bounds, line: bytes, hashes: Hashes | None = None
    ) -> Import:
        """What is in ``line``, judged as a registration would be; nothing is fetched.

        ``hashes`` are rows of another server's table, by client_id.

        Raises:
            NotImportable: what is wrong.
        """
        terms = tenant.terms_within(bounds)
        limits = terms.policy.json_
        try:
            made_of = moved(
                loads_object(line, max_depth=limits.max_depth, max_members=limits.max_members),
                hashes,
            )
            if made_of.refused is not None:
                raise NotImportable(made_of.refused)
            given = made_of.registration
            own = {name: given.pop(name, None) for name in (*SERVER_ASSIGNED, _HASH)}
            metadata = validate(given, terms)
        except BadJson as error:
            raise NotImportable(str(error).replace("the body", "it")) from None
        except RegistrationError as error:
            raise NotImportable(error.description) from None
        client_id, secret, digest = _text(own, "client_id"), None, None
        if client_id is None:
            raise NotImportable("client_id is missing")
        if not security.is_client_id(client_id):
            raise NotImportable("client_id must be 1 to 512 printable characters")
        if client_id in _DOT_SEGMENTS or client_id.strip() != client_id:
            raise NotImportable("client_id must be no dot segment, and have no space at its ends")
        if needs_secret(metadata):
            secret, digest = _secret(own, metadata)
        made = Import(
            client_id=client_id,
            metadata=metadata,
            issued_at=_time(own, "client_id_issued_at"),
            secret=secret,
            digest=digest,
            secret_expires_at=_time(own, "client_secret_expires_at") or 0,
            registration_access_token=_text(own, "registration_access_token"),
        )
        if digest is not None:
            self._kept(tenant, made, digest)
        return made

    def remarks(
        self, tenant: Tenant, bounds: Bounds, line: bytes, hashes: Hashes | None = None
    ) -> list[str]:
        """What of a good ``line`` would change or be lost: a scope that is gone is an outage."""
        terms = tenant.terms_within(bounds)
        made_of: Moved = moved(
            loads_object(line, max_depth=terms.policy.json_.max_depth, max_members=_MAX_MEMBERS),
            hashes,
        )
        given = made_of.registration
        own = {name: given.pop(name, None) for name in (*SERVER_ASSIGNED, _HASH)}
        told: Any = explain(given, terms)
        made = [f"{each.member} is mapped: {each.what}" for each in made_of.mapped]
        made += [f"{each.member} is dropped: {each.what}" for each in made_of.dropped]
        made += [f"{each['member']} is changed: {each['reason']}" for each in told["changes"]]
        made += [f"{each['member']} is ignored: {each['reason']}" for each in told["ignored"]]
        if told["registration"].get("token_endpoint_auth_method") == "none":
            made += [f"{name} is ignored: it has no secret" for name in _SECRETS if own[name]]
        if 0 < int(str(own["client_secret_expires_at"] or 0)) <= time.time():
            made.append("client_secret has expired")
        return made

    async def write(
        self, tenant: Tenant, bounds: Bounds, clients: Sequence[Import], origin: Origin
    ) -> int:
        """Imports those of ``clients`` that are not there yet, all or none; how many.

        Raises:
            Unavailable: the database does not answer; none was imported.
        """
        records = [await self._record(tenant, bounds, client) for client in clients]

        async def write(tx: Transaction) -> int:
            known = await tx.clients.known(tenant.name, [record.client_id for record in records])
            new = [record for record in records if record.client_id not in known]
            for record in new:
                tx.clients.add(record)
                audit.record(
                    tx,
                    EventType.CLIENT_IMPORTED,
                    tenant=tenant.name,
                    origin=origin,
                    client_id=record.client_id,
                    changes={"secret": record.client_secrets is not None},
                )
            return len(new)

        return await self._database.transact(write)

    async def _record(self, tenant: Tenant, bounds: Bounds, client: Import) -> ClientRecord:
        secrets = ClientSecrets()
        if client.digest is not None:
            secrets = self._kept(tenant, client, client.digest)
        elif client.secret is not None:
            secrets = self._kept(tenant, client, await _digest(client.secret))
        metadata = dumps(client.metadata.members)
        record = new_record(tenant, client.client_id, metadata, secrets, bounds)
        token = client.registration_access_token
        return record._replace(
            registration_access_token_digest=security.token_digest(token) if token else "",
            issued_at=record.issued_at if client.issued_at is None else client.issued_at,
        )

    def _kept(self, tenant: Tenant, client: Import, digest: str) -> ClientSecrets:
        try:
            place = place_of(tenant.name, client.client_id)
            kept = self._secrets.imported(place, client.metadata, digest, client.secret)
        except ValueError as error:
            raise NotImportable(str(error)) from None
        return ClientSecrets((kept._replace(expires_at=client.secret_expires_at),))


async def _digest(secret: str) -> str:
    if security.looks_generated(secret):
        return security.secret_digest(secret)
    return await asyncio.to_thread(security.slow_digest, secret)


def _secret(own: JsonObject, metadata: ClientMetadata) -> tuple[str | None, str | None]:
    """The secret, or the digest of it that we can verify."""
    secret, digest = _text(own, "client_secret"), _text(own, _HASH)
    if (secret is None) == (digest is None):
        method = metadata.auth_method
        given = "neither was" if secret is None else "both were"
        raise NotImportable(f"needs one of client_secret and {_HASH} for {method}; {given} given")
    if secret is not None and not security.is_presentable(secret):
        raise NotImportable("client_secret must be printable, of at most 1024 characters")
    if digest is None:
        return secret, None
    try:
        return None, security.imported_digest(digest)
    except ValueError as error:
        raise NotImportable(f"{_HASH} {error}") from None


def _text(own: JsonObject, name: str) -> str | None:
    value = own[name]
    if value is not None and (not isinstance(value, str) or not value):
        raise NotImportable(f"{name} must be a text")
    return value


def _time(own: JsonObject, name: str) -> int | None:
    value = own[name]
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_TIME:
        raise NotImportable(f"{name} must be a whole number of seconds since 1970")
    return value
