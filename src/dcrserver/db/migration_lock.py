"""One migration at a time, whatever node of a cluster it is started at.

PostgreSQL has a lock that ends with the transaction, and SQLite locks its file. MariaDB's GET_LOCK
holds on one node of a Galera cluster only, and its DDL commits by itself: there the lock is a row,
and what a migration that was killed did already may be done again.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, delete, event, func, insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.schema import CreateTable
from sqlalchemy.util import await_only

from dcrserver.db.tables import leases
from dcrserver.errors import Unavailable

# Any constant number that no other program takes.
_LOCK = 7591_7592
_NAME = "migration"
# No migration of ours takes as long; one that was killed keeps others waiting no longer.
_LEASE_SECONDS = 600
# Lost to another one that was faster (lock wait timeout, deadlock), or at a node that is about to
# leave its cluster or to join it.
_LOST = frozenset({1047, 1205, 1213})
_ASKED_AGAIN_SECONDS = 0.3
# How often the end of a lease is tried, in the time between two looks of another.
_ENDINGS = 10
# DDL -> the same that may be done again.
_REPEATABLE = (
    (re.compile(r"^\s*CREATE TABLE (?!IF )", re.IGNORECASE), "CREATE TABLE IF NOT EXISTS "),
    (re.compile(r"^\s*CREATE INDEX (?!IF )", re.IGNORECASE), "CREATE INDEX IF NOT EXISTS "),
    (re.compile(r"^\s*DROP TABLE (?!IF )", re.IGNORECASE), "DROP TABLE IF EXISTS "),
    (re.compile(r"^\s*DROP INDEX (?!IF )", re.IGNORECASE), "DROP INDEX IF EXISTS "),
    (re.compile(r"^(\s*ALTER TABLE \S+ ADD COLUMN) (?!IF )", re.IGNORECASE), r"\1 IF NOT EXISTS "),
    (re.compile(r"^(\s*ALTER TABLE \S+ DROP COLUMN) (?!IF )", re.IGNORECASE), r"\1 IF EXISTS "),
)


class Aborted(Exception):
    """Another node was faster; to be tried again on a new connection."""


@contextmanager
def locked(connection: Connection) -> Iterator[None]:
    """Nobody else migrates this database meanwhile, and no statement is cut off by its time.

    Raises:
        Unavailable: another migration does not end.
        Aborted: the lock could not be had by this connection.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT set_config('statement_timeout', '0', true)"))
        connection.execute(text("SELECT set_config('lock_timeout', '0', true)"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        yield
    elif connection.dialect.name == "mysql":
        with _leased(connection):
            yield
    else:
        yield


@contextmanager
def _leased(connection: Connection) -> Iterator[None]:
    # What other nodes wrote is seen: a lease that is free, the version that was reached.
    connection.execute(text("SET SESSION max_statement_time=0, wsrep_sync_wait=7"))
    owner = secrets.token_hex(8)
    ends_at = time.monotonic() + _LEASE_SECONDS
    while not _took(connection, owner):
        if time.monotonic() > ends_at:
            raise Unavailable("another migration is running", detail="see the table leases")
        await_only(asyncio.sleep(_ASKED_AGAIN_SECONDS))
    event.listen(connection, "before_cursor_execute", _repeatable, retval=True)
    try:
        yield
        connection.commit()
    finally:
        event.remove(connection, "before_cursor_execute", _repeatable)
        _end_lease(connection, owner)


def _end_lease(connection: Connection, owner: str) -> None:
    """Galera aborts it where another node is about to look whether the lease is free. Where the
    server has gone, it ends by itself.
    """
    for _ in range(_ENDINGS):
        try:
            connection.rollback()
            connection.execute(delete(leases).where(leases.c.owner == owner))
            connection.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                break
            await_only(asyncio.sleep(_ASKED_AGAIN_SECONDS / _ENDINGS))
        else:
            return
    with suppress(DBAPIError):
        connection.rollback()


def _took(connection: Connection, owner: str) -> bool:
    """By the clock of the database: those of instances differ. At commit another node may win."""
    now = func.unix_timestamp()
    mine = {"tenant": "", "name": _NAME, "owner": owner}
    try:
        connection.execute(CreateTable(leases, if_not_exists=True))
        connection.execute(delete(leases).where(leases.c.name == _NAME, leases.c.expires_at < now))
        connection.execute(insert(leases).values(mine | {"expires_at": now + _LEASE_SECONDS}))
        connection.commit()
    except IntegrityError:
        _roll_back(connection)
        return False
    except OperationalError as error:
        if error.orig is None or error.orig.args[0] not in _LOST:
            raise
        connection.invalidate()  # what state it is in, Galera says differently each time
        raise Aborted from error
    return True


def _roll_back(connection: Connection) -> None:
    try:
        connection.rollback()
    except OperationalError as error:  # Galera did it already
        connection.invalidate()
        raise Aborted from error


def _repeatable(
    _connection: object, _cursor: object, statement: str, parameters: object, *_: object
) -> tuple[str, object]:
    for pattern, replacement in _REPEATABLE:
        statement = pattern.sub(replacement, statement, count=1)
    return statement, parameters
