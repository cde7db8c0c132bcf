"""How asyncmy is told of the servers in a database URL, and which of them can serve us."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import asyncmy
from asyncmy.errors import MySQLError
from sqlalchemy import ColumnClause, Select, column, select, table, union_all
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import URL

from dcrserver.db.hosts import Server, servers_of
from dcrserver.db.protocol.session import LOCK_SECONDS
from dcrserver.db.tls import tls_context
from dcrserver.settings import DatabaseSettings


def _told(table_name: str, *names: str) -> Select[str, str]:
    name: ColumnClause[str] = column("variable_name")
    value: ColumnClause[str] = column("variable_value")
    told = select(name.label("name"), value.label("value")).where(name.in_(names))
    return told.select_from(table(table_name, schema="information_schema"))


STATE = union_all(
    _told("global_variables", "READ_ONLY", "INNODB_READ_ONLY", "WSREP_ON"),
    _told("global_status", "WSREP_LOCAL_STATE_COMMENT"),
)
_STATE = str(STATE.compile(dialect=mysql.dialect(), compile_kwargs={"literal_binds": True}))


def unfit(state: Mapping[str, str]) -> str | None:
    """Why a server that says ``STATE`` can write nothing, or reads what is stale; or None."""
    # What we may write in spite of it, with a privilege, would be written to a replica. Of
    # MariaDB 12 it is a word: NO_LOCK is as good as ON.
    if state["read_only"] != "OFF" or state.get("innodb_read_only", "OFF") != "OFF":
        return "the database is read-only"
    if state.get("wsrep_on") == "ON" and state["wsrep_local_state_comment"] != "Synced":
        return f"the database's node is {state['wsrep_local_state_comment']}, not Synced"
    return None


def engine_options(url: URL, settings: DatabaseSettings) -> dict[str, Any]:
    """How SQLAlchemy's engine opens connections to MariaDB: address, TLS, session variables.

    Raises:
        ConfigurationError: TLS that cannot be meant.
    """
    servers = servers_of(url)

    async def connect(**options: Any) -> Any:  # noqa: ANN401 - the driver's connection
        if not servers:
            return await _connect(settings.pool_timeout, options)
        return await _connect_to_one(servers, settings.pool_timeout, options)

    return {
        "async_creator_fn": connect,
        "charset": "utf8mb4",
        "ssl": tls_context(url),
        # Strict mode: a value that does not fit is an error, never cut off in silence.
        # A process that is frozen within a transaction keeps what it locked for so long only.
        "init_command": "SET SESSION sql_mode='STRICT_ALL_TABLES', tx_isolation='READ-COMMITTED',"
        f" max_statement_time={settings.statement_timeout},"
        f" idle_transaction_timeout={max(1, round(settings.statement_timeout * 2))},"
        f" innodb_lock_wait_timeout={LOCK_SECONDS}",
    }


async def _connect(seconds: float, options: dict[str, Any]) -> Any:  # noqa: ANN401
    """In time: not only the TCP handshake, as with the driver's own limit, but the login."""
    with _closed_at_once():
        async with asyncio.timeout(seconds):
            return await asyncmy.connect(**options)


async def _connect_to_one(
    servers: Sequence[Server], seconds: float, options: dict[str, Any]
) -> Any:  # noqa: ANN401
    """The first of them that can serve us; one that is silent has its share of the time."""
    failure: Exception = ConnectionError("no server is named")
    for host, port in servers:
        try:
            return await _connect_to_fit(
                seconds / len(servers), options | {"host": host, "port": port}
            )
        except (OSError, MySQLError) as error:
            failure = error
    raise failure


async def _connect_to_fit(seconds: float, options: dict[str, Any]) -> Any:  # noqa: ANN401
    """As ``_connect``.

    Raises:
        ConnectionError: the server answers, and cannot serve us.
    """
    connection = await _connect(seconds, options)
    try:
        with _closed_at_once():
            async with asyncio.timeout(seconds):
                reason = await _unfit_reason(connection)
        if reason is not None:
            raise ConnectionError(f"{options['host']}:{options['port']}: {reason}")  # noqa: TRY301
    except BaseException:  # also when we are cancelled
        connection.close()
        raise
    return connection


@contextmanager
def _closed_at_once() -> Iterator[None]:
    """Of a connection that was closed at once uvloop says something else than of any other."""
    try:
        yield
    except RuntimeError as error:
        raise ConnectionError(str(error)) from error


async def _unfit_reason(connection: Any) -> str | None:  # noqa: ANN401
    async with connection.cursor() as cursor:
        await cursor.execute(_STATE)
        return unfit({name.lower(): value for name, value in await cursor.fetchall()})
