"""What tables of tokens have in common: a token is added, found by its id, and revoked once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import Insert, Select, Table, Update, bindparam, select, update

from dcrserver.db.protocol.session import Session

Record = TypeVar("Record", bound=Any)


def named(tokens: Table) -> Select[Any]:
    """The token of an id."""
    columns = tokens.c
    return select(tokens).where(
        columns.tenant == bindparam("b_tenant"), columns.id == bindparam("b_id")
    )


def revoking(tokens: Table) -> Update:
    """Ends the token of an id. The row stays: what was done with the token is still told."""
    columns = tokens.c
    return (
        update(tokens)
        .where(
            columns.tenant == bindparam("b_tenant"),
            columns.id == bindparam("b_id"),
            columns.revoked_at == 0,
        )
        .values(revoked_at=bindparam("b_now"))
    )


class TokenRepository(Generic[Record]):
    """Tokens of one table, whose statements and ``record`` a subclass names."""

    record: ClassVar[Callable[..., Any]]
    insert: ClassVar[Insert]
    find_named: ClassVar[Select[Any]]
    revoke_named: ClassVar[Update]

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: Record) -> None:
        self._session.insert(self.insert, record._asdict())

    async def named(self, tenant: str, token_id: str) -> Record | None:
        """The token of this id, also one that has ended."""
        values = {"b_tenant": tenant, "b_id": token_id}
        return await self._one(self.find_named, values)

    async def revoke(self, tenant: str, token_id: str, now: int) -> bool:
        """Revokes a token; False when there is none, or it was revoked before."""
        values = {"b_tenant": tenant, "b_id": token_id, "b_now": now}
        return (await self._session.execute(self.revoke_named, values)).rowcount == 1

    async def _one(self, statement: Select[Any], values: dict[str, Any]) -> Record | None:
        row = (await self._session.execute(statement, values)).one_or_none()
        return None if row is None else type(self).record(**row)
