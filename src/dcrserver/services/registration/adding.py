"""Step: a client that registered is written, when the targets have it that it waits for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

from dcrserver.metadata.bounds import UNBOUNDED
from dcrserver.policies.statements.effects import Quota
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction, Writer
from dcrserver.services import audit
from dcrserver.services.access import initial_access_tokens
from dcrserver.services.access.idempotency import Keep, forget
from dcrserver.services.access.initial_access_tokens import RegistrationPermit
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.provisioning.before import BeforeAnswer
from dcrserver.services.provisioning.previewing import with_targets
from dcrserver.services.registration import quotas
from dcrserver.services.registration.client_information import Registered
from dcrserver.services.secrets.kept import ClientSecrets
from dcrserver.services.software_statements.reader import Submitted
from dcrserver.strict_json import JsonObject

_REGISTERED, _HELD = EventType.CLIENT_REGISTERED, EventType.CLIENT_HELD
_CLIENT = SubjectKind.CLIENT
# What is answered, of the client as it is written.
Answer: TypeAlias = Callable[[ClientRecord, ClientSecrets], Registered]
Lead: TypeAlias = Callable[[Transaction], Awaitable[None]]


class NewClient(NamedTuple):
    """A client that is about to be written; ``told``: what its event tells of it."""

    permit: RegistrationPermit
    record: ClientRecord
    submitted: Submitted
    origin: Origin
    told: JsonObject
    quotas: tuple[Quota, ...]


class NewClients:
    """Writes them; ``before``: tells the targets that they wait for, None where there are none."""

    def __init__(self, database: Database, before: BeforeAnswer | None) -> None:
        self._database = database
        self._before = before

    def chooses_ids(self, tenant: str) -> bool:
        """Whether the clients of this tenant are called what they are called here."""
        return self._before is None or not self._before.mints(tenant)

    def preview(self, tenant: str, explanation: JsonObject) -> JsonObject:
        """``explanation`` of a registration, with what the tenant's targets say of it."""
        if self._before is None:
            return explanation
        return with_targets(explanation, tenant, self._before.targets.of(tenant))

    async def add(
        self,
        new: NewClient,
        secrets: ClientSecrets,
        answer: Answer,
        keep: Keep,
        lead: Lead | None = None,
    ) -> Registered:
        """What is answered, when the client is written; ``lead`` writes more, with it.

        Raises:
            BearerError: another registration took the last use of the token.
            InvalidSoftwareStatement: another registration used the statement meanwhile.
            InvalidClientMetadata: a target will not have it.
            Unavailable: a target cannot be told just now.
        """
        if self._before is None:
            made = answer(new.record, secrets)
            await self._write(self._database, new, made, keep, lead)
            return made
        async with self._before.creating(new.record, secrets) as sent:
            made = answer(sent.record, sent.secrets)
            new = new._replace(record=sent.record)
            await self._write(sent.within(self._database), new, made, keep, lead)
        return made

    async def _write(
        self, writer: Writer, new: NewClient, made: Registered, keep: Keep, lead: Lead | None
    ) -> None:
        permit, record, submitted, origin, told, counted = new

        async def write(tx: Transaction) -> None:
            if permit.token is not None or permit.bounds is not UNBOUNDED:
                await initial_access_tokens.redeem(tx, permit, record.client_id, origin)
            event = audit.event(
                _REGISTERED if record.approval is None else _HELD,
                tenant=record.tenant,
                origin=origin,
                subject=Subject(_CLIENT, record.client_id),
                changes=told,
                metadata=record.metadata,
            )
            tx.clients.add(record, event)
            submitted.spend(tx)
            if keep is not forget:
                keep(tx, made.told())
            if lead is not None:
                await lead(tx)

        try:
            await (quotas.within(writer, counted, record) if counted else writer).transact(write)
        except AlreadyThere:
            submitted.check_spent()
            raise
