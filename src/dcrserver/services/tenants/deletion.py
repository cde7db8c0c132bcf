"""Use case: the job that deletes everything in a tenant, a part at a time.

It may be killed anywhere: whoever goes on finds what is left by looking for it. A request that had
begun before, or a process that was cut off, may write something after its table was emptied, so
the tenant is over when nothing was found for as long as such a request may take. Until then its
name is not free: a new tenant must not find what the old one left.
"""

from __future__ import annotations

import json
import time

from dcrserver.names import DEFAULT_TENANT
from dcrserver.repositories.stored_tenants import StoredTenantRecord
from dcrserver.repositories.tenant_rows import TABLES
from dcrserver.repositories.transaction import Database, Transaction, Writer
from dcrserver.services import audit
from dcrserver.services.audit import EventType, Origin, Subject, SubjectKind
from dcrserver.services.audit.actors import SYSTEM
from dcrserver.strict_json import dumps


class TenantDeletion:
    """``settled``: seconds after which nobody writes anything of a tenant that is being deleted."""

    def __init__(self, database: Database, settled: int) -> None:
        self._database = database
        self.settled = settled

    async def work(self, writer: Writer) -> None:
        """Deletes what there is of all tenants that are to be deleted."""
        async with self._database.read() as tx:
            ending = await tx.stored_tenants.ending()
        for record in ending:
            await self._end(record, writer)

    async def _end(self, record: StoredTenantRecord, writer: Writer) -> None:
        may_end = record.updated_at + self.settled < time.time()
        progress: dict[str, int] = json.loads(record.progress or "{}")
        found = await self._empty(record.tenant, progress, writer)
        if not found and may_end:
            await writer.transact(lambda tx: _over(tx, record.tenant, progress))
        elif record.status == "deleting":
            gone = record._replace(status="deleted", progress=dumps(progress))
            await writer.transact(lambda tx: tx.stored_tenants.write(gone))

    async def _empty(self, tenant: str, progress: dict[str, int], writer: Writer) -> int:
        """How many rows there were; ``progress`` counts them by table, also in the database."""
        found = 0
        for table in TABLES:

            async def purge(tx: Transaction, table: str = table) -> int:
                removed = await tx.tenant_rows.purge(table, tenant)
                if removed:
                    counted = progress | {table: progress.get(table, 0) + removed}
                    await tx.stored_tenants.note(tenant, dumps(counted))
                return removed

            while removed := await writer.transact(purge):
                progress[table] = progress.get(table, 0) + removed
                found += removed
        # When the clients are no more, their targets are told so.
        while ended := await writer.transact(lambda tx: tx.client_links.end(tenant)):
            found += ended
        return found


async def _over(tx: Transaction, tenant: str, progress: dict[str, int]) -> None:
    await tx.stored_tenants.delete(tenant)
    audit.record(
        tx,
        EventType.TENANT_DELETED,
        tenant=DEFAULT_TENANT,
        origin=Origin(SYSTEM),
        subject=Subject(SubjectKind.TENANT, tenant),
        changes={"rows": dict(progress)},
    )
