"""Use case: clients of another server come here, with their ids and secrets or the hashes of them.

A line is a client of a server that ``dcrserver.moving`` knows, or a client metadata object
(RFC 7591 2) with ``client_id`` and, as far as there are any, the members of ``OWN``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dcrserver import security
from dcrserver.errors import Unavailable
from dcrserver.metadata import (
    SERVER_ASSIGNED,
    ClientMetadata,
    Terms,
    differences,
    examine,
    needs_readable_secret,
    needs_secret,
    with_unserved,
)
from dcrserver.metadata.bounds import Bounds, narrowed
from dcrserver.moving import Moved, moved, texts, without_empty
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.events import EventRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import SecretBox
from dcrserver.services import audit
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.client_secrets import ClientSecrets, place_of
from dcrserver.services.credentials import new_record
from dcrserver.services.foreign_credentials import (
    Held,
    NotImportable,
    Token,
    secrets_in,
    text_in,
    time_in,
    tokens_in,
)
from dcrserver.settings import MAX_TOKEN_LIFETIME
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, dumps
from dcrserver.tenants import Tenant

# In the path of registration_client_uri they would lead elsewhere, however they are escaped.
_DOT_SEGMENTS = (".", "..")
_MAX_OWNER = 255
_MAX_SHOWN = 80
_FORMATS = (None, "jwt", "opaque")
# Beside metadata: what of a client only its server sets, and an operator.
OWN = (
    *SERVER_ASSIGNED,
    "client_secret_hash",
    "client_secrets",
    "registration_access_tokens",
    "owner",
    "bounds",
    "access_token_lifetime",
    "access_token_format",
    "suspended_at",
    "tokens_ended_at",
)
_SECRETS = ("client_secret", "client_secret_hash", "client_secrets")
_NO_IMPLICIT = (
    "implicit is not served here: registered for authorization_code, which the program has to use"
    " (RFC 9700 2.1.2)"
)
_ONLY_DIGEST = (
    "it is kept as a digest only, which its method cannot use: set secrets.encryption_keys before"
    " the import, or rotate the secret when the method is served"
)
# How many slow hashes are made at a time.
_HASHING = 2
_NEEDS_A_KEY = "OIDC-16.19-01"
Hashes = Mapping[str, JsonObject]


class Import(NamedTuple):
    """A client that was found good, as it will be stored; ``held`` until slow hashes are made."""

    record: ClientRecord
    held: Held | None = None


class ClientImportService:
    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    def judge(
        self,
        tenant: Tenant,
        bounds: Bounds,
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
                return made_of, self._import(tenant, bounds, made_of)
            except NotImportable as error:
                made_of.refused = str(error)
            except Unavailable as error:  # its policy is not configured here
                made_of.refused = error.description
        return made_of, None

    def _import(self, tenant: Tenant, bounds: Bounds, made_of: Moved) -> Import:
        given = without_empty(made_of.registration)
        own = {name: given.pop(name, None) for name in OWN}
        client_id = _client_id(own)
        if own["bounds"] is not None:
            bounds = _bounds(own["bounds"])
        terms = tenant.terms_within(bounds)
        _modernise(given, terms, made_of)
        metadata, unserved = _judged(given, tenant, bounds, terms, made_of)
        held = self._held(tenant, client_id, own, metadata, unserved, made_of)
        waits = any(held.chosen)
        secrets = ClientSecrets() if waits else held.with_digests({})
        record = new_record(tenant, client_id, dumps(metadata.members), secrets, bounds)
        return Import(_with_own(record, own), held if waits else None)

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
        held = secrets_in(own, place_of(tenant.name, client_id), self._box, readable=readable)
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

    async def write(self, tenant: Tenant, clients: Sequence[Import], origin: Origin) -> int:
        """Imports those of ``clients`` that are not there yet, all or none; how many.

        Raises:
            Unavailable: the database does not answer; none was imported.
        """
        known = await self.known(tenant, clients)
        records = await _hashed([each for each in clients if each.record.client_id not in known])

        async def write(tx: Transaction) -> int:
            known = await tx.clients.known(tenant.name, [record.client_id for record in records])
            new = [record for record in records if record.client_id not in known]
            for record in new:
                tx.clients.add(record)
                tx.events.add(_event(tenant, origin, record))
            return len(new)

        return await self._database.transact(write) if records else 0


def _client_id(own: JsonObject) -> str:
    client_id = text_in(own, "client_id")
    if client_id is None:
        raise NotImportable("client_id is missing")
    if not security.is_client_id(client_id):
        raise NotImportable("client_id must be 1 to 512 printable characters")
    if client_id in _DOT_SEGMENTS or client_id.strip() != client_id:
        raise NotImportable("client_id must be no dot segment, and have no space at its ends")
    return client_id


def _bounds(value: JsonValue) -> Bounds:
    """Those that a client of ours had."""
    told = "bounds must be an object of policy, scopes and grant_types"
    try:
        made = Bounds.from_json(dumps(value))
    except (TypeError, ValueError, AttributeError):
        raise NotImportable(told) from None
    policy: object = made.policy
    lists: list[object] = [made.scopes, made.grant_types]
    if not isinstance(policy, str | None) or not all(map(_is_list_or_none, lists)):
        raise NotImportable(told)
    return made


def _is_list_or_none(value: object) -> bool:
    return value is None or (
        isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    )


def _modernise(given: JsonObject, terms: Terms, made_of: Moved) -> None:
    """The code flow in place of the implicit one, where that is not served or ruled out."""
    supported = terms.server.supported("grant_types_supported")
    grants = texts(given.get("grant_types"))
    if "implicit" not in grants or supported is None or "authorization_code" not in supported:
        return
    if "implicit" in supported:
        made_of.map("grant_types", "implicit stays, as it is served here")
        return
    left = ["authorization_code" if grant == "implicit" else grant for grant in grants]
    given["grant_types"] = list(dict.fromkeys(left))
    given["response_types"] = ["code"]
    made_of.map("grant_types", _NO_IMPLICIT)


def _judged(
    given: JsonObject, tenant: Tenant, bounds: Bounds, terms: Terms, made_of: Moved
) -> tuple[ClientMetadata, frozenset[str]]:
    """The registration, and the members that it has although nothing here serves them.

    What is not served is left out, as in any registration. Who would be left with nothing is kept
    whole: it works when a server is connected that does what it needs.
    """
    draft, issues = examine(given, terms)
    unserved = frozenset(draft.failed | {issue.member for issue in issues})
    if issues and all(issue.requirement != _NEEDS_A_KEY for issue in issues):
        lifted = with_unserved(tenant.terms_within(Bounds(policy=bounds.policy)))
        kept, left = examine({**draft.members, **given}, narrowed(lifted, bounds))
        if not left:
            for name in sorted(unserved & kept.members.keys()):
                value = dumps(kept.members[name])[:_MAX_SHOWN]
                made_of.map(name, f"kept, though it is not served here: {value}")
            draft, issues = kept, []
    if issues:
        raise NotImportable("; ".join(issue.text for issue in issues))
    changed, left_out = differences(given, draft, terms)
    for member, reason in changed:
        made_of.map(member, f"changed: {reason}")
    for member, reason in left_out:
        made_of.drop(member, reason)
    return ClientMetadata(draft.members), unserved


def _with_own(record: ClientRecord, own: JsonObject) -> ClientRecord:
    """``record`` with what its server and its operators had set."""
    owner, lifetime = text_in(own, "owner"), time_in(own, "access_token_lifetime")
    if owner is not None and (len(owner) > _MAX_OWNER or not owner.isprintable()):
        raise NotImportable(f"owner must be printable, of at most {_MAX_OWNER} characters")
    if lifetime is not None and not 0 < lifetime <= MAX_TOKEN_LIFETIME:
        raise NotImportable(f"access_token_lifetime must be 1 to {MAX_TOKEN_LIFETIME} seconds")
    token_format = text_in(own, "access_token_format")
    if token_format not in _FORMATS:
        raise NotImportable("access_token_format must be jwt or opaque")
    current, previous = (*tokens_in(own), Token(), Token())[:2]
    issued_at = time_in(own, "client_id_issued_at")
    return record._replace(
        registration_access_token_digest=current.digest,
        registration_access_token_expires_at=current.expires_at,
        previous_registration_access_token_digest=previous.digest or None,
        previous_registration_access_token_expires_at=previous.expires_at,
        issued_at=record.issued_at if issued_at is None else issued_at,
        owner=owner,
        access_token_lifetime=lifetime,
        access_token_format=token_format,
        suspended_at=time_in(own, "suspended_at") or 0,
        tokens_ended_at=time_in(own, "tokens_ended_at") or 0,
    )


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
        client_id=record.client_id,
        changes=changes,
    )
