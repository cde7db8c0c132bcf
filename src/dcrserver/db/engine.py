"""Which database a URL names, and SQLAlchemy engines for migrations and MariaDB."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from dcrserver.db.hosts import check_servers, with_hosts_apart
from dcrserver.db.tls import LIBPQ_OPTIONS, TLS_OPTIONS
from dcrserver.settings import ConfigurationError, DatabaseSettings

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "mysql": "mysql+asyncmy",
    "mariadb": "mysql+asyncmy",
}

# What they note of a connection that ends is told by us, by what it means; and of DDL that may be
# done again MariaDB notes all that was there.
_NOTES = ("asyncmy", "sqlalchemy")
_LOG_BYTES = 4 * 1024 * 1024

_NUMBERS = ("prepared_statement_cache_size", "statement_cache_size")
_POSTGRESQL = {"host", "passfile", "port", "target_session_attrs", *_NUMBERS, *TLS_OPTIONS,
               *LIBPQ_OPTIONS}  # fmt: skip
_MARIADB = {"charset", "host", "read_timeout", "unix_socket", *TLS_OPTIONS}
# Options in the URL that reach the drivers of the server databases.
_OPTIONS = {
    "postgresql": _POSTGRESQL,
    "postgres": _POSTGRESQL,
    "mysql": _MARIADB,
    "mariadb": _MARIADB,
}


def database_url(settings: DatabaseSettings) -> URL:
    """The URL with our async driver named.

    Raises:
        ConfigurationError: no URL, or a database we do not speak to.
    """
    try:
        url = make_url(with_hosts_apart(settings.url.get_secret_value()))
    except ArgumentError:
        raise ConfigurationError("database.url: not a SQLAlchemy URL") from None
    except ValueError:
        raise ConfigurationError("database.url: the port is no number") from None
    driver = _DRIVERS.get(url.get_backend_name())
    if driver is None:
        raise ConfigurationError("database.url: must be sqlite, postgresql or mysql")
    if settings.password is not None:
        if url.username is None or url.password is not None:
            raise ConfigurationError("database.password: goes with a url that names a user alone")
        url = url.set(password=settings.password.get_secret_value())
    return _checked_query(url).set(drivername=driver)


def _checked_query(url: URL) -> URL:
    """The URL with only those options that the driver knows.

    Raises:
        ConfigurationError: another option.
    """
    known = _OPTIONS.get(url.get_backend_name())
    unknown = sorted(set(url.query) - known) if known is not None else []
    if unknown:
        raise ConfigurationError(f"database.url: {unknown[0]}: no option of this driver")
    if known is None:
        return url
    check_servers(url)
    if known is not _POSTGRESQL:
        return url
    for name in _NUMBERS:
        if not str(url.query.get(name, "0")).isdecimal():
            raise ConfigurationError(f"database.url: {name}: must be a number")
    renamed = {LIBPQ_OPTIONS.get(name, name): value for name, value in url.query.items()}
    return url.set(query=renamed)


def missing_file(settings: DatabaseSettings) -> Path | None:
    """Where the file of an SQLite database would be, while there is none."""
    url = database_url(settings)
    name = url.database or ":memory:"
    if url.get_backend_name() != "sqlite" or name == ":memory:" or name.startswith("file:"):
        return None
    file = Path(name).absolute()
    return None if file.exists() else file


# Who waits longer for a row that another has holds up those who do not need it: with PostgreSQL
# others of the same batch, with MariaDB those who wait for a connection.
LOCK_SECONDS = 1

# Each statement commits by itself, and who wants a transaction says BEGIN: for MariaDB, where a
# read is then one exchange in place of four.
AUTOCOMMIT = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}


def create_engine(settings: DatabaseSettings, **options: Any) -> AsyncEngine:  # noqa: ANN401
    """
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
    engine = create_async_engine(_without_options(url), **made)
    if url.get_backend_name() == "mysql" and settings.causal_reads:
        event.listen(engine.sync_engine, "connect", _read_causally)
    return engine


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
    module = import_module(f"dcrserver.db.drivers.{driver}_connect")
    return common | {"connect_args": module.engine_options(url, settings)}


def _sqlite(url: URL, settings: DatabaseSettings) -> AsyncEngine:
    check_file(url)
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": settings.statement_timeout},
    )
    event.listen(engine.sync_engine, "connect", durable)
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


def check_file(url: URL) -> None:
    """Opens the file once: a new one is for its owner alone, since it may hold keys in clear.

    -wal and -shm take its mode. Here, as aiosqlite's thread may outlive the loop after a failure.

    Raises:
        ConfigurationError: it cannot be used.
    """
    arguments, options = url.get_dialect()().create_connect_args(url)
    others = os.umask(0o077)
    try:
        with closing(sqlite3.connect(arguments[0], uri=bool(options.get("uri")))) as connection:
            durable(connection)
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    except sqlite3.Error as error:
        raise ConfigurationError(f"database.url: {error}: {url.database}") from None
    finally:
        os.umask(others)
    # SQLite goes on without a word where it cannot have WAL (no shared memory on a network file
    # system); readers and the writer would then shut each other out.
    if mode not in {"wal", "memory"}:
        raise ConfigurationError(f"database.url: no write-ahead log is possible: {url.database}")


def durable(connection: Any, _record: object = None) -> None:  # noqa: ANN401 - a DB-API connection
    """WAL, and a commit is on the disk when it returns."""
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    # Everybody waits while the log is copied into the database: less at a time, more often.
    cursor.execute("PRAGMA wal_autocheckpoint=400")
    # After a reader that held it up the log is cut again, when all of it is in the database.
    cursor.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_immediate(connection: Any) -> None:  # noqa: ANN401 - a SQLAlchemy connection
    """Takes the write lock at once: a read that becomes a write could fail without waiting."""
    if connection.get_isolation_level() != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
