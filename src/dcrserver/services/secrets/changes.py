"""Step: rotating and ending the secrets of one client, whoever asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from dcrserver.errors import InvalidClientMetadata, NotFound
from dcrserver.metadata import needs_secret
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Writer
from dcrserver.services.access.stored_clients import metadata_of, replace_client, terms_of
from dcrserver.services.access.surroundings import Surroundings
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.secrets.client_secrets import SecretIssuer
from dcrserver.services.secrets.kept import ClientSecrets, secrets_of, without
from dcrserver.strict_json import JsonObject, JsonValue
from dcrserver.tenants import Tenant


class Rotated(Protocol):
    """A client with its new secret, which may be of a target's making, and how it is written."""

    record: ClientRecord
    secrets: ClientSecrets

    def within(self, writer: Writer) -> Writer:
        """What ``record`` is written through."""
        ...


# Asks targets, with the client before, after, and its secrets: see ``BeforeAnswer.rotating``.
Rotating: TypeAlias = Callable[
    [ClientRecord, ClientRecord, ClientSecrets], AbstractAsyncContextManager[Rotated]
]


@dataclass
class _Unasked:
    """There are no targets."""

    record: ClientRecord
    secrets: ClientSecrets

    def within(self, writer: Writer) -> Writer:
        return writer


def _unasked(
    _: ClientRecord, new: ClientRecord, secrets: ClientSecrets
) -> AbstractAsyncContextManager[Rotated]:
    return nullcontext(_Unasked(new, secrets))


class SecretChanges:
    """Step: makes and ends secrets of a client, with the event, in one change."""

    def __init__(
        self,
        database: Database,
        secrets: SecretIssuer,
        surroundings: Surroundings,
        rotating: Rotating | None = None,
    ) -> None:
        self._rotating = rotating or _unasked
        self._surroundings = surroundings
        self._database = database
        self._secrets = secrets

    async def rotate(
        self, tenant: Tenant, record: ClientRecord, origin: Origin
    ) -> JsonObject | None:
        """A new secret, shown this once; None when ``record`` is no longer what is stored.

        The one before works on for ``policy.secrets.overlap``; one before that ends at once.

        Raises:
            InvalidClientMetadata: the client authenticates without a secret.
        """
        metadata = metadata_of(record)
        if not needs_secret(metadata):
            raise InvalidClientMetadata(f"a client of {metadata.auth_method} has no client_secret")
        policy = terms_of(tenant, record).policy
        policy = await self._surroundings.lasting_of(policy, record, origin)
        secrets = self._secrets.rotated(record, metadata, policy)
        newest = secrets.held[0]
        changed = record._replace(client_secrets=secrets.to_json())
        changes: JsonObject = {"id": newest.id, "live": len(secrets.held)}
        async with self._rotating(record, changed, secrets) as sent:
            is_written = await replace_client(
                sent.within(self._database), record, sent.record,
                EventType.CLIENT_SECRET_ROTATED, origin, changes,
            )  # fmt: skip
        if not is_written:
            return None
        secrets = sent.secrets
        made: JsonObject = {"client_id": record.client_id, "id": newest.id}
        return made | secrets.members() | {"client_secrets": secret_summaries(secrets, {})}

    async def end(self, record: ClientRecord, secret_id: str, origin: Origin) -> bool:
        """One of two secrets works no longer; False when ``record`` is no longer what is stored.

        Raises:
            NotFound: no such secret.
            InvalidClientMetadata: it is the only one, or the newest, which authorization servers
                have: it can be rotated, not ended.
        """
        held = secrets_of(record).held
        left = without(held, secret_id)
        if len(left) == len(held):
            raise NotFound("the client has no such secret")
        if not any(secret.is_live() for secret in left):
            raise InvalidClientMetadata("the only client_secret cannot be ended; rotate it first")
        if secret_id == held[0].id and self._secrets.are_told(record.tenant):
            raise InvalidClientMetadata(
                "the newest client_secret cannot be ended, as authorization servers have it; rotate"
                " it first"
            )
        changed = record._replace(client_secrets=ClientSecrets(left).to_json())
        return await replace_client(
            self._database,
            record,
            changed,
            EventType.CLIENT_SECRET_ENDED,
            origin,
            {"id": secret_id},
        )


def secret_summaries(secrets: ClientSecrets, uses: Mapping[str, int]) -> list[JsonValue]:
    """Each secret that still works, without what could be used; times in seconds since 1970."""
    return [
        {
            "id": secret.id,
            "issued_at": secret.issued_at,
            "expires_at": secret.expires_at,
            "last_used_at": uses.get(secret.id),
        }
        for secret in secrets.held
        if secret.is_live()
    ]
