"""How often stored tenants and policies were changed: one number, which is cheap to look at."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, insert, select, update

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import configuration_changes as changes
from dcrserver.repositories.rows import row_of

# Those of all tenants.
_TENANT = ""
_SELECT = select(changes.c.number).where(changes.c.tenant == _TENANT)
_INSERT = insert(changes).values(tenant=_TENANT, number=1)
_ADVANCE = (
    update(changes)
    .where(changes.c.tenant == _TENANT, changes.c.number == bindparam("b_known"))
    .values(number=bindparam("b_next"))
)


@row_of(changes)
class ConfigurationChangeRecord(NamedTuple):
    """A row of ``configuration_changes``."""

    tenant: str
    number: int


class ConfigurationChangeRepository:
    """Counts the changes, and lets one of two that were made on the same state through."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def number(self) -> int:
        """How many there were; 0 before the first."""
        row = (await self._session.execute(_SELECT, {})).one_or_none()
        return 0 if row is None else int(row["number"])

    async def advance(self, known: int) -> bool:
        """Makes it ``known`` + 1; False when it is not ``known`` any more.

        Nobody else changes anything until the transaction ends.

        Raises:
            AlreadyThere: it is not, and was nothing at all.
        """
        if known == 0:
            return (await self._session.execute(_INSERT, {})).rowcount == 1
        values = {"b_known": known, "b_next": known + 1}
        return (await self._session.execute(_ADVANCE, values)).rowcount == 1
