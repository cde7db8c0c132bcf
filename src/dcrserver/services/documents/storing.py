"""Step: clients of documents as they are stored, with what was read of each."""

from __future__ import annotations

import time
from typing import NamedTuple

from dcrserver.errors import InvalidClientMetadata, Unavailable
from dcrserver.names import ClientOrigin
from dcrserver.repositories.client_approvals import ClientApprovalRecord
from dcrserver.repositories.client_documents import ClientDocumentRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.events import EventRecord
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction
from dcrserver.services import audit
from dcrserver.services.access.policy_bindings import bind
from dcrserver.services.access.stored_clients import next_version, replacement
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.documents.judging import JudgedDocument
from dcrserver.services.provisioning.before import BeforeAnswer, creating, replacing
from dcrserver.services.provisioning.sent import Sent
from dcrserver.services.registration import quotas
from dcrserver.services.registration.client_information import new_record
from dcrserver.services.registration.holding import check_room, held
from dcrserver.services.secrets.kept import ClientSecrets
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant

_BUSY = "the client of this document is being changed by others; try again"
_MINTS = "the authorization server here chooses client_ids itself, and knows no client by a URL"
_MAX_PROBLEM = 512


class KnownDocument(NamedTuple):
    """What is stored of a client_id; ``is_deleted``: by an administrator, not long ago."""

    record: ClientRecord | None
    document: ClientDocumentRecord | None
    is_deleted: bool = False


class DocumentStore:
    """Step: reads and writes clients of documents."""

    def __init__(self, database: Database, before: BeforeAnswer | None) -> None:
        self._database = database
        self._before = before

    async def known(self, tenant: str, client_id: str) -> KnownDocument:
        """What is stored now. Who was deleted does not come back while it could be restored."""
        async with self._database.read() as tx:
            record = await tx.clients.find(tenant, client_id)
            if record is not None:
                return KnownDocument(record, await tx.client_documents.find(tenant, client_id))
            deleted = await tx.deleted_clients.find(tenant, client_id)
        return KnownDocument(None, None, deleted is not None and deleted.purge_at > time.time())

    async def added(
        self,
        tenant: Tenant,
        client_id: str,
        judged: JudgedDocument,
        document: ClientDocumentRecord,
        origin: Origin,
    ) -> ClientRecord:
        """The new client, which waits where its policy says so.

        Raises:
            Unavailable: too many wait for an approval.
            RegistrationError: there are as many as may be, or an authorization server will not have
                it.
        """
        if self._before is not None and self._before.mints(tenant.name):
            raise InvalidClientMetadata(_MINTS)
        record, approval = await self._made(tenant, client_id, judged)
        try:
            async with creating(self._before, record, ClientSecrets()) as sent:
                await self._add(tenant, sent, approval, judged, document, origin)
        except AlreadyThere:  # another instance read it at the same time
            judged.submitted.check_spent()
            found = (await self.known(tenant.name, client_id)).record
            if found is None:
                raise Unavailable(_BUSY) from None
            return found
        return sent.record

    async def _add(
        self,
        tenant: Tenant,
        sent: Sent,
        approval: ClientApprovalRecord | None,
        judged: JudgedDocument,
        document: ClientDocumentRecord,
        origin: Origin,
    ) -> None:
        record, ruled, submitted = sent.record, judged.valid.ruled, judged.submitted

        async def write(tx: Transaction) -> None:
            await bind(tx, tenant, judged.bounds)
            kind = EventType.CLIENT_REGISTERED if approval is None else EventType.CLIENT_HELD
            told: JsonObject = {**submitted.told(), **ruled.told()}
            tx.clients.add(record, _event(kind, record, origin, told))
            if approval is not None:
                tx.client_approvals.add(approval)
            submitted.spend(tx)
            await tx.client_documents.write(document)

        writer = sent.within(quotas.within(self._database, ruled.quotas, record))
        await writer.transact(write)

    async def _made(
        self, tenant: Tenant, client_id: str, judged: JudgedDocument
    ) -> tuple[ClientRecord, ClientApprovalRecord | None]:
        """The row, and what is known of its approval where it waits for one.

        Raises:
            Unavailable: too many wait.
        """
        ruled, policy = judged.valid.ruled, judged.submitted.terms.policy
        made = new_record(
            tenant, client_id, judged.valid.text, ClientSecrets(), judged.bounds,
            origin=ClientOrigin.DOCUMENT,
        )._replace(tags=ruled.tagged(None))  # fmt: skip
        if not ruled.is_held:
            return made, None
        await check_room(self._database, tenant.name, policy)
        return held(made, ruled, policy)

    async def replaced(
        self,
        record: ClientRecord,
        judged: JudgedDocument,
        document: ClientDocumentRecord,
        origin: Origin,
    ) -> ClientRecord:
        """The client with what its document says now; what administrators decided of it stays."""
        ruled, submitted = judged.valid.ruled, judged.submitted
        changed = next_version(
            record, record, metadata=judged.valid.text, tags=ruled.tagged(record.tags)
        )
        told: JsonObject = {**submitted.told(), **ruled.told()}
        async with replacing(self._before, record, changed) as sent:
            written, event = replacement(
                record, sent.record, EventType.CLIENT_UPDATED, origin, told
            )

            async def write(tx: Transaction) -> bool:
                if not await tx.clients.replace(record, written, event):
                    return False
                submitted.spend(tx)
                await tx.client_documents.write(document)
                return True

            writer = sent.within(quotas.within(self._database, ruled.quotas, written, record))
            is_written = await writer.transact(write)
        if not is_written:
            raise Unavailable(_BUSY)
        return written

    async def note(self, document: ClientDocumentRecord) -> None:
        """It was read, and is what it was."""
        await self._database.transact(lambda tx: tx.client_documents.write(document))

    async def note_problem(self, document: ClientDocumentRecord, problem: str) -> None:
        """Why what is there now does not count; the same is written once."""
        told = problem[:_MAX_PROBLEM]
        if document.problem != told:
            now = int(time.time())
            await self.note(document._replace(problem=told, problem_at=now))


def _event(kind: EventType, record: ClientRecord, origin: Origin, told: JsonObject) -> EventRecord:
    return audit.event(
        kind,
        tenant=record.tenant,
        origin=origin,
        subject=Subject(SubjectKind.CLIENT, record.client_id),
        changes=told,
        metadata=record.metadata,
    )
