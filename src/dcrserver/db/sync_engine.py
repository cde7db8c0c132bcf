"""How SQLAlchemy reaches a database: its pool, and what is told to each connection.

Without SQLAlchemy's ORM, which takes as long to load as many a command: see ``db.engine``.
"""

from __future__ import annotations

import logging
import math
import time
from importlib import import_module
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from dcrserver.db.protocol.drivers.sqlite_files import check_file, durable
from dcrserver.db.tls import TLS_OPTIONS
from dcrserver.db.urls import database_url
from dcrserver.settings import DatabaseSettings

# What they note of a connection that ends is told by us, by what it means; and of DDL that may be
# done again MariaDB notes all that was there.
_NOTES = ("asyncmy", "sqlalchemy")

# Who used a connection so lately found it well.
_IDLE_SECONDS = 1.0
_USED_AT = "used_at"

# Each statement commits by itself, and who wants a transaction says BEGIN: for MariaDB, where a
# read is then one exchange in place of four.
AUTOCOMMIT = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}


def sync_engine(settings: DatabaseSettings, **options: Any) -> Engine:  # noqa: ANN401
    """One that runs within ``greenlet_spawn``, as its driver is asynchronous.

    ``options`` of SQLAlchemy's are for a database server.

    Raises:
        ConfigurationError: as ``database_url``, or a file that cannot be used.
    """
    url = database_url(settings)
    for name in _NOTES:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, settings)
    made = _options(url, settings) | options
    engine = create_engine(_without_options(url), **made)
    if url.get_backend_name() == "mysql" and settings.causal_reads:
        event.listen(engine, "connect", _read_causally)
    return engine


def replaced_when_idle(engine: Engine) -> None:
    """A connection that was closed while nobody used it is replaced before somebody does.

    Not asked each time, as SQLAlchemy's ``pool_pre_ping`` does: to ask is three exchanges with
    PostgreSQL, and whoever reads page after page would wait for them as long as for the pages.
    """

    def given_back(_: object, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT] = time.monotonic()

    def taken(connection: Any, record: ConnectionPoolEntry, _: object) -> None:  # noqa: ANN401
        if time.monotonic() - record.info.get(_USED_AT, math.inf) < _IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error

    event.listen(engine, "checkin", given_back)
    event.listen(engine, "checkout", taken)


def _read_causally(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DB-API connection
    """On a node of a Galera cluster a read waits for what other nodes acknowledged before it: a
    node that lags would refuse a client that is there, and let one in that was deleted.
    """
    cursor = connection.cursor()
    cursor.execute("SHOW VARIABLES LIKE 'wsrep_on'")
    found = cursor.fetchone()
    if found is not None and found[1] == "ON":
        cursor.execute("SET SESSION wsrep_sync_wait=1")
    cursor.close()


def _without_options(url: URL) -> URL:
    """What SQLAlchemy makes of it by itself; all else we tell the driver."""
    if url.get_backend_name() == "postgresql":
        return url.set(query={})
    return url.difference_update_query(["host", *TLS_OPTIONS])


def _options(url: URL, settings: DatabaseSettings) -> dict[str, Any]:
    common: dict[str, Any] = {
        "pool_size": settings.pool_size,
        "max_overflow": 0,
        "pool_timeout": settings.pool_timeout,
        "hide_parameters": True,
        "isolation_level": "READ COMMITTED",
        "pool_recycle": 1800,
    }
    # Only the one that is used is imported: each brings a library along.
    driver = "postgresql" if url.get_backend_name() == "postgresql" else "mariadb"
    module = import_module(f"dcrserver.db.protocol.drivers.{driver}_connect")
    return common | {"connect_args": module.engine_options(url, settings)}


def _sqlite(url: URL, settings: DatabaseSettings) -> Engine:
    check_file(url)
    engine = create_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": settings.statement_timeout},
    )
    event.listen(engine, "connect", durable)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _begin_immediate(connection: Any) -> None:  # noqa: ANN401 - a SQLAlchemy connection
    """Takes the write lock at once: a read that becomes a write could fail without waiting."""
    if connection.get_isolation_level() != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
