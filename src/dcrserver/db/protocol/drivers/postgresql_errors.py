"""What PostgreSQL's errors mean, by their SQLSTATE (PostgreSQL documentation, appendix A)."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager

import asyncpg

from dcrserver.db.failures import (
    Absent,
    AlreadyThere,
    Conflict,
    Locked,
    Lost,
    Refused,
    TooLong,
    absence,
)

# A state, or the class that its first two characters are.
MEANINGS: dict[str, type[Exception]] = {
    "08": Lost,  # connection
    "25006": Lost,  # read-only: a standby, or a primary that has become one
    "25P03": Lost,  # idle in a transaction for too long
    "25P04": Lost,  # transaction timeout
    "57": Lost,  # operator intervention: shutting down, starting up
    "57014": TooLong,  # cancelled, as a rule by statement_timeout
    "58": Lost,  # system error
    "F0": Lost,  # configuration file
    "XX": Lost,  # internal error, damaged data
    "28": Absent,  # not let in
    "3D": Absent,  # no such database
    "42501": Absent,  # a privilege is missing
    "53": Absent,  # out of resources
    "55": Absent,  # not in the state for it: the database accepts no connections
    "55P03": Locked,
    "72": Absent,  # snapshot too old
    "HV": Absent,  # foreign data
    "26000": Absent,  # no such prepared statement: see _ADVICE
    "42P05": Absent,  # a prepared statement of that name is there
    "23505": AlreadyThere,
    "40": Conflict,  # serialization failure, deadlock
    "40003": Lost,  # it is not known whether the statement was executed
}
# Warnings, and mistakes in a statement or its values.
_MISTAKES = (
    "01 02 03 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 2B 2D 2F 34 38 39 3B 3F 42 44 54 P0"
)
MEANINGS |= dict.fromkeys(re.findall(r"\w+", _MISTAKES), Refused)

# A pooler that gives each transaction another connection loses what was prepared on the last.
_ADVICE = dict.fromkeys(
    ("26000", "42P05"),
    "; behind PgBouncer in transaction mode database.url needs statement_cache_size=0",
)


def meaning(state: str | None) -> type[Exception]:
    """Of an error that nobody foresaw: that its connection is not to be trusted."""
    state = state or ""
    return MEANINGS.get(state) or MEANINGS.get(state[:2]) or Lost


def translation(error: BaseException | None) -> Exception | None:
    """What of ``db/failures.py`` is raised in place of ``error``; None where that is an error
    neither of asyncpg nor of the network.
    """
    if isinstance(error, asyncpg.PostgresError):
        # DDL changed a table beneath a statement, which the driver has forgotten by now.
        is_forgotten = isinstance(error, asyncpg.InvalidCachedStatementError)
        kind = Conflict if is_forgotten else meaning(error.sqlstate)
        if issubclass(kind, Absent):
            return kind(f"{absence(error)}{_ADVICE.get(error.sqlstate, '')}")
        return kind(str(error.constraint_name or error))
    # Internal: the server has said that it ends this connection, and it has not ended yet. A time
    # limit of ours is longer than the server's: it will not answer any more.
    if isinstance(
        error, asyncpg.InterfaceError | asyncpg.InternalClientError | OSError | TimeoutError
    ):
        return absence(error, Lost)
    return None


class _Translated:
    """Entered several times for each request, at a tenth of the price of a generator."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None and (meant := translation(error)) is not None:
            raise meant from error


_TRANSLATED = _Translated()


def translated() -> AbstractContextManager[None]:
    """A context in which errors of asyncpg and of the network become those of ``db/failures.py``.

    Raises:
        AlreadyThere, Conflict, Refused, Absent: for any error of the server or of the way to it.
    """
    return _TRANSLATED
