"""Policies that were made at run time: a draft, and the versions that it became."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, bindparam, delete, insert, select, update

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import stored_policies as policies
from dcrserver.repositories.rows import row_of

# The version of what is not active yet.
DRAFT = 0

_NAMED = and_(policies.c.tenant == bindparam("b_tenant"), policies.c.name == bindparam("b_name"))
_KEY = and_(_NAMED, policies.c.version == bindparam("b_version"))
_SELECT = select(policies).where(_NAMED).order_by(policies.c.version)
_INSERT = insert(policies)
_WRITE = (
    update(policies)
    .where(_KEY)
    .values({each.name: bindparam(f"b_{each.name}") for each in policies.c if not each.primary_key})
)
_DELETE_VERSION = delete(policies).where(_KEY)
_DELETE = delete(policies).where(_NAMED)


@row_of(policies)
class StoredPolicyRecord(NamedTuple):
    """A row of ``stored_policies``; ``policy`` is JSON, ``state`` draft, active or retired."""

    tenant: str
    name: str
    version: int
    policy: str
    state: str
    change_number: int
    created_at: int
    created_by: str
    activated_at: int = 0
    activated_by: str = ""


class StoredPolicyRepository:
    """Reads and writes stored policies, within a transaction that counts as a change."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def versions(self, tenant: str, name: str) -> list[StoredPolicyRecord]:
        """The draft, if there is one, then the versions from the first to the last."""
        found = await self._session.execute(_SELECT, {"b_tenant": tenant, "b_name": name})
        return [StoredPolicyRecord(**row) for row in found.all()]

    async def add(self, record: StoredPolicyRecord) -> None:
        """Writes a new row.

        Raises:
            AlreadyThere: there is this version.
        """
        await self._session.execute(_INSERT, record._asdict())

    async def write(self, record: StoredPolicyRecord) -> bool:
        """Replaces the row of its version; False when there is none."""
        values = {f"b_{name}": value for name, value in record._asdict().items()}
        return (await self._session.execute(_WRITE, values)).rowcount == 1

    async def delete_draft(self, tenant: str, name: str) -> None:
        """Deletes the draft, if there is one."""
        values = {"b_tenant": tenant, "b_name": name, "b_version": DRAFT}
        await self._session.execute(_DELETE_VERSION, values)

    async def delete(self, tenant: str, name: str) -> None:
        """Deletes all versions of a policy."""
        await self._session.execute(_DELETE, {"b_tenant": tenant, "b_name": name})
