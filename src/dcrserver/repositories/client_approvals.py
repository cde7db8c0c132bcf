"""What is known of clients that were held for an approval, beside their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Insert, and_, bindparam, delete, func, insert, select, update

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import client_approvals as approvals
from dcrserver.db.tables import clients
from dcrserver.names import ClientStatus
from dcrserver.repositories.expiry import AT_ONCE
from dcrserver.repositories.rows import row_of

_INSERT = insert(approvals)
_KEY = and_(
    approvals.c.tenant == bindparam("b_tenant"), approvals.c.client_id == bindparam("b_client_id")
)
_FIND = select(approvals).where(_KEY)
_DECIDE = (
    update(approvals)
    .where(_KEY)
    .values(ends_at=bindparam("b_ends_at"), reason=bindparam("b_reason"))
)
_DELETE = delete(approvals).where(_KEY)
_DUE = (
    select(approvals)
    .where(approvals.c.ends_at > 0, approvals.c.ends_at <= bindparam("b_now"))
    .order_by(approvals.c.ends_at)
    .limit(AT_ONCE)
)
# By the few that were held and not approved: of all clients no index tells those that wait.
_WAITING = (
    select(
        approvals.c.tenant,
        func.count().label("number"),
        func.min(clients.c.issued_at).label("oldest"),
    )
    .select_from(
        approvals.join(
            clients,
            and_(
                clients.c.tenant == approvals.c.tenant,
                clients.c.client_id == approvals.c.client_id,
            ),
        )
    )
    .where(approvals.c.ends_at > 0, clients.c.approval == ClientStatus.PENDING.word)
    .group_by(approvals.c.tenant)
)
_WAITING_OF_TENANT = _WAITING.where(approvals.c.tenant == bindparam("b_tenant"))


@row_of(approvals)
class ClientApprovalRecord(NamedTuple):
    """A row of ``client_approvals``; ``statements`` is JSON text."""

    tenant: str
    client_id: str
    held_digest: str
    statements: str
    ends_at: int
    reason: str | None = None

    @property
    def insertion(self) -> tuple[Insert, dict[str, Any]]:
        """What writes it beside the client."""
        return _INSERT, self._asdict()


class Waiting(NamedTuple):
    """So many clients of a tenant wait; ``oldest``: when the first of them was registered."""

    tenant: str
    number: int
    oldest: int


class ClientApprovalRepository:
    """What was held, by tenant and client_id."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: ClientApprovalRecord) -> None:
        self._session.insert(*record.insertion)

    async def find(self, tenant: str, client_id: str) -> ClientApprovalRecord | None:
        """What is known of this client's; None: it was never held."""
        values = {"b_tenant": tenant, "b_client_id": client_id}
        row = (await self._session.execute(_FIND, values)).one_or_none()
        return None if row is None else ClientApprovalRecord(**row)

    async def decide(
        self, tenant: str, client_id: str, ends_at: int, reason: str | None = None
    ) -> None:
        """``ends_at``: when it is forgotten; 0: never, as it was approved."""
        values = _key(tenant, client_id) | {"b_ends_at": ends_at, "b_reason": reason}
        await self._session.execute(_DECIDE, values)

    async def delete(self, tenant: str, client_id: str) -> None:
        await self._session.execute(_DELETE, _key(tenant, client_id))

    async def due(self, now: int) -> Sequence[ClientApprovalRecord]:
        """Some of those that end by ``now``, the first first."""
        rows = (await self._session.execute(_DUE, {"b_now": now})).all()
        return [ClientApprovalRecord(**row) for row in rows]

    async def waiting(self, tenant: str) -> int:
        """How many clients of the tenant wait now."""
        row = (await self._session.execute(_WAITING_OF_TENANT, {"b_tenant": tenant})).one_or_none()
        return 0 if row is None else int(row["number"])

    async def all_waiting(self) -> Sequence[Waiting]:
        """Of each tenant of whose clients one waits."""
        return [Waiting(**row) for row in (await self._session.execute(_WAITING, {})).all()]


def _key(tenant: str, client_id: str) -> dict[str, str]:
    return {"b_tenant": tenant, "b_client_id": client_id}
