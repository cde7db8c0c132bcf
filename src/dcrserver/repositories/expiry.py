"""Rows that are of no use when they have expired."""

from __future__ import annotations

from sqlalchemy import Table, and_, bindparam, delete, select

from dcrserver.db.protocol.session import Session

# However many have expired, nobody waits for long: neither for a lock nor, with SQLite, for us.
AT_ONCE = 500


class Expired:
    """Those of a ``table`` with the key (tenant, digest) and an index of ``expires_at``."""

    def __init__(self, table: Table) -> None:
        tenant, digest, expires_at = table.c.tenant, table.c.digest, table.c.expires_at
        self._select = (
            select(tenant.label("b_tenant"), digest.label("b_digest"))
            .where(expires_at < bindparam("b_now"))
            .order_by(expires_at)
            .limit(AT_ONCE)
        )
        self._delete = delete(table).where(
            and_(tenant == bindparam("b_tenant"), digest == bindparam("b_digest"))
        )

    async def purge(self, session: Session, now: int) -> bool:
        """Removes some; whether there may be more. ``now`` is in seconds since 1970."""
        found = (await session.execute(self._select, {"b_now": now})).all()
        if found:
            # In one order everywhere, so that processes do not deadlock.
            rows = sorted((dict(row) for row in found), key=lambda row: tuple(row.values()))
            await session.execute_many(self._delete, rows)
        return len(found) == AT_ONCE
