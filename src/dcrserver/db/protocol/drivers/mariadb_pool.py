"""Connections to MariaDB: a limit for all that is asked of one, and what its errors mean."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from enum import Enum, auto
from time import monotonic
from typing import Any, cast

from asyncmy.errors import MySQLError
from sqlalchemy import event
from sqlalchemy.exc import (
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import QueuePool

from dcrserver.db.engine import create_engine
from dcrserver.db.failures import Absent, AlreadyThere, Conflict, Locked, Lost, TooLong, absence
from dcrserver.db.sync_engine import AUTOCOMMIT
from dcrserver.settings import DatabaseSettings

_SMALLEST_PACKET = 1024


class Closed(Lost):
    """The server had ended the connection: on a new one the same may do."""


class Meaning(Enum):
    """What an error number of MariaDB means to the program."""

    CONFLICT = auto()
    ABSENT = auto()
    TOO_LONG = auto()
    LOCKED = auto()
    LOST = auto()
    CLOSED = auto()


# Server errors (1000 and more, 4031) and the client's own (2000 to 2999; 0: not connected).
# Whatever operational error is not here means that the database is away.
MEANINGS: Mapping[int, Meaning] = {
    **dict.fromkeys((1020, 1213), Meaning.CONFLICT),  # changed, deadlock
    1205: Meaning.LOCKED,  # another had the row for longer than innodb_lock_wait_timeout
    # Disk full, out of memory, too many connections (of all, of the user), handshake, access
    # denied, no such database, table full, host blocked or unknown, no thread, a packet
    # that is too large, no resources.
    **dict.fromkeys((1021, 1037, 1038, 1040, 1041, 1042, 1043, 1044, 1045, 1049, 1114, 1129, 1130,
                     1135, 1153, 1203, 1226, 1698), Meaning.ABSENT),
    # Interrupted by an operator, by max_statement_time.
    **dict.fromkeys((1317, 1969, 3024), Meaning.TOO_LONG),
    # Cannot be resolved, refused, TLS.
    **dict.fromkeys((2002, 2003, 2005, 2026), Meaning.ABSENT),
    # The server became read-only (its tables, InnoDB); its node of a cluster takes no statements
    # (WSREP).
    **dict.fromkeys((1036, 1290, 1792, 1836, 1874, 1047), Meaning.LOST),
    # It shuts down, aborts, lost octets; killed, gone, lost, out of step, closed as idle.
    **dict.fromkeys((0, 1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2014, 2045,
                     2055, 4031), Meaning.CLOSED),
}  # fmt: skip
_FAILURES: Mapping[Meaning, type[Absent]] = {
    Meaning.ABSENT: Absent,
    Meaning.TOO_LONG: TooLong,
    Meaning.LOCKED: Locked,
    Meaning.LOST: Lost,
    Meaning.CLOSED: Closed,
}


class Pool:
    """Connects at first need. Each statement commits by itself, unless ``begun``."""

    def __init__(self, settings: DatabaseSettings) -> None:
        # Longer than the server waits: who does not answer by then is not there.
        self._limit = settings.statement_timeout + 1
        self._trusted_since = monotonic()
        self.engine = create_engine(settings, **AUTOCOMMIT)
        self.max_packet = _SMALLEST_PACKET
        event.listen(self.engine.sync_engine, "connect", self._meet)
        event.listen(self.engine.sync_engine, "checkout", self._prove)

    @asynccontextmanager
    async def exchange(self) -> AsyncIterator[None]:
        """Within it the server is asked something, and answers in time or is away.

        Raises:
            AlreadyThere, Conflict, Absent: as the errors mean.
        """
        try:
            with translated():
                async with asyncio.timeout(self._limit):
                    yield
        except Lost:
            self.distrust()
            raise

    def distrust(self) -> None:
        """No connection that is there is used again."""
        self._trusted_since = monotonic()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[AsyncConnection]:
        """A connection for one exchange."""
        async with self.exchange(), self.engine.connect() as connection:
            yield connection

    def connections(self) -> dict[str, int]:
        """How many there are, by state."""
        pool = cast("QueuePool", self.engine.pool)
        return {"idle": pool.checkedin(), "used": pool.checkedout()}

    async def begun(self) -> AsyncConnection:
        """A connection with a transaction; BEGIN proves that it was not closed while idle."""
        try:
            return await self._begin()
        except Closed:
            return await self._begin()

    async def _begin(self) -> AsyncConnection:
        async with self.exchange():
            connection = await self.engine.connect()
            try:
                # By the driver: half the price of a statement of SQLAlchemy's.
                raw: Any = await connection.get_raw_connection()
                await raw.driver_connection.begin()
            except BaseException:
                await connection.invalidate()
                await connection.close()
                raise
        return connection

    def _meet(self, connection: Any, record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        record.info["made_at"] = monotonic()
        cursor = connection.cursor()
        cursor.execute("SELECT @@max_allowed_packet")
        (self.max_packet,) = cursor.fetchone()
        cursor.close()

    def _prove(self, _connection: object, record: Any, _proxy: object) -> None:  # noqa: ANN401
        if record.info["made_at"] <= self._trusted_since:
            raise DisconnectionError  # the pool makes a new one in its place


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise AlreadyThere from error
    except (DBAPIError, MySQLError) as error:  # the driver's own come while one connects
        meaning = _meaning(error)
        if meaning is None:
            raise
        if meaning is Meaning.CONFLICT:
            raise Conflict(str(_number(error))) from error
        raise _FAILURES[meaning](str(absence(error))) from error
    except TimeoutError as error:
        raise Lost(str(absence(error))) from error
    except (PoolTimeoutError, OSError) as error:
        raise absence(error) from error


def _meaning(error: DBAPIError | MySQLError) -> Meaning | None:
    """None: a mistake of ours."""
    known = MEANINGS.get(_number(error))
    if known is not None:
        return known
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return Meaning.CLOSED
        return Meaning.ABSENT if isinstance(error, OperationalError | InterfaceError) else None
    return Meaning.ABSENT


def _number(error: DBAPIError | MySQLError) -> int:
    origin = error.orig if isinstance(error, DBAPIError) else error
    number = origin.args[0] if origin is not None and origin.args else None
    return number if isinstance(number, int) else -1
