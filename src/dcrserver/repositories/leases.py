"""Who does a job just now, and from when anybody may do it.

All moments are of the clock of the database: those of instances differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    bindparam,
    case,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.sql import ClauseElement

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import leases

# Leases are of the server, not of one of its tenants.
_TENANT = ""
_NOBODY = ""
_ROW = and_(leases.c.tenant == _TENANT, leases.c.name == bindparam("b_name"))
_MINE = and_(_ROW, leases.c.owner == bindparam("b_owner"))
_CLOCKS = {
    "sqlite": "CAST(strftime('%s', 'now') AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS BIGINT)",
    "mysql": "UNIX_TIMESTAMP()",
}
# A lease, or the time until a job is due, at most. What lies much further ahead was written by a
# clock that was wrong then, or by hand, and would keep the job from being done: it counts as due.
LONGEST_SECONDS = 86400
_WRONG_SECONDS = 2 * LONGEST_SECONDS


class Outcome(StrEnum):
    """How one time that somebody did a job ended."""

    DONE = "done"
    FAILED = "failed"
    # By a process that ends; or its lease was taken, and the row is another's.
    GIVEN_UP = "given_up"
    LOST = "lost"


class LeaseState(NamedTuple):
    """A job, as all processes did it.

    ``free_in``: seconds until anybody may do it, negative if it is overdue; ``last_success_at``:
    seconds since 1970, 0 for never; ``failures``: how often it did not end well since.
    """

    free_in: int
    last_success_at: int
    failures: int


class _Statements(NamedTuple):
    """For one database; ``b_seconds`` from now the row is anybody's."""

    look: ClauseElement
    states: ClauseElement
    add: ClauseElement
    take: ClauseElement
    keep: ClauseElement
    give: Mapping[Outcome, ClauseElement]
    hurry: ClauseElement
    nobodys: ClauseElement


@cache
def _statements(dialect: str) -> _Statements:
    now: ColumnElement[Any] = literal_column(_CLOCKS[dialect], Integer)
    until = now + bindparam("b_seconds", type_=Integer)
    wrong = or_(leases.c.expires_at > now + _WRONG_SECONDS, leases.c.expires_at < 0)
    # Whole seconds are compared: the one that has begun is the owner's.
    free_in = case((wrong, -_WRONG_SECONDS), else_=leases.c.expires_at - now + 1).label("free_in")
    # Whoever did it before never ended it: it was killed, by the job as like as not.
    died = case((leases.c.owner != _NOBODY, 1), else_=0)
    give = update(leases).where(_MINE).values(owner=_NOBODY, expires_at=until - 1)
    return _Statements(
        look=select(free_in).where(_ROW),
        states=select(leases.c.name, free_in, leases.c.last_success_at, leases.c.failures).where(
            leases.c.tenant == _TENANT
        ),
        add=insert(leases).values(
            tenant=_TENANT, name=bindparam("b_name"), owner=_NOBODY, expires_at=until - 1
        ),
        take=update(leases)
        .where(_ROW, or_(leases.c.expires_at < now, wrong))
        # In this order: MariaDB reads what it has just set.
        .ordered_values(
            (leases.c.failures, leases.c.failures + died),
            (leases.c.owner, bindparam("b_owner")),
            (leases.c.expires_at, until),
        ),
        keep=update(leases).where(_MINE).values(expires_at=until),
        give={
            Outcome.DONE: give.values(last_success_at=now, failures=0),
            Outcome.FAILED: give.values(failures=leases.c.failures + 1),
            Outcome.GIVEN_UP: give,
            Outcome.LOST: give,
        },
        hurry=update(leases).where(_ROW, leases.c.owner == _NOBODY).values(expires_at=now - 1),
        nobodys=select(leases.c.name).where(_ROW, leases.c.owner == _NOBODY),
    )


class LeaseRepository:
    """A row for each job; ``owner`` is new each time that one takes it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._statements = _statements(session.dialect)

    async def free_in(self, name: str) -> int | None:
        """Seconds until anybody may do the job, negative if it is overdue; None: no row."""
        found = await self._session.execute(self._statements.look, {"b_name": name})
        row = found.one_or_none()
        return None if row is None else int(row["free_in"])

    async def states(self) -> dict[str, LeaseState]:
        """All jobs that somebody began or is to begin, by name."""
        rows = (await self._session.execute(self._statements.states, {})).all()
        return {
            row["name"]: LeaseState(row["free_in"], row["last_success_at"], row["failures"])
            for row in rows
        }

    async def add(self, name: str, seconds: int) -> None:
        """A row for a job that anybody may do in so many seconds.

        Raises:
            AlreadyThere: there is one.
        """
        await self._session.execute(self._statements.add, {"b_name": name, "b_seconds": seconds})

    async def take(self, name: str, owner: str, seconds: int) -> bool:
        """Takes the lease; False: somebody else has it, or it is not due."""
        return await self._changed(self._statements.take, name, owner, seconds)

    async def keep(self, name: str, owner: str, seconds: int) -> bool:
        """Renews the lease for so many seconds; False: somebody else has it.

        Nobody takes it until the transaction ends: what it writes beside this is the owner's.
        """
        return await self._changed(self._statements.keep, name, owner, seconds)

    async def give(self, name: str, owner: str, seconds: int, outcome: Outcome) -> bool:
        """Ends it: it is due for anybody in so many seconds. False: somebody else has it."""
        return await self._changed(self._statements.give[outcome], name, owner, seconds)

    async def hurry(self, name: str) -> None:
        """It is due now, unless somebody does it just now."""
        await self._session.execute(self._statements.hurry, {"b_name": name})

    async def is_nobodys(self, name: str) -> bool:
        """Whether nobody does it just now, and nobody died when doing it."""
        found = await self._session.execute(self._statements.nobodys, {"b_name": name})
        return found.one_or_none() is not None

    async def _changed(self, statement: ClauseElement, name: str, owner: str, seconds: int) -> bool:
        values = {"b_name": name, "b_owner": owner, "b_seconds": seconds}
        return (await self._session.execute(statement, values)).rowcount == 1
