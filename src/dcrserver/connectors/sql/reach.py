"""How the operator's database is reached, and what its failures are to us."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, TypeVar

from sqlalchemy import Table, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dcrserver.connectors.failures import (
    TargetAway,
    TargetError,
    TargetMisconfigured,
    TargetRefused,
)
from dcrserver.settings import ConnectorSettings

_Result = TypeVar("_Result")
# Of each database: our driver, and the library whose errors come as they are while it connects.
_DRIVERS = {
    "sqlite": ("sqlite+aiosqlite", "sqlite3"),
    "postgresql": ("postgresql+asyncpg", "asyncpg"),
    "mysql": ("mysql+asyncmy", "asyncmy.errors"),
    "mariadb": ("mysql+asyncmy", "asyncmy.errors"),
}
_ERRORS = ("Error", "PostgresError", "InterfaceError")
# Of PostgreSQL: who we are, which database, what we may.
_NO_ENTRY = frozenset({"28", "3D", "42"})
# Of MariaDB: access denied, to the server, the database, the table; no such database.
_NOT_LET_IN = frozenset({1044, 1045, 1049, 1142})


class Reach:
    """The connections to one database, and its table, which is made where it is not there."""

    def __init__(self, name: str, settings: ConnectorSettings, table: Table) -> None:
        self._name = name
        self._table = table
        self._timeout = settings.timeout
        url = _url(name, settings)
        driver, library = _DRIVERS[url.get_backend_name()]
        module = import_module(library)
        theirs = [getattr(module, each) for each in _ERRORS if hasattr(module, each)]
        self._failures = (SQLAlchemyError, OSError, TimeoutError, *theirs)
        self._engine = _engine(name, url.set(drivername=driver), settings)
        self._making = asyncio.Lock()
        self._is_there = False

    @property
    def server(self) -> str:
        """Which database, and where; without a password."""
        url = self._engine.url
        return f"{url.get_backend_name()} {url.host or url.database}"

    async def work(self, do: Callable[[AsyncConnection], Awaitable[_Result]]) -> _Result:
        """What ``do`` makes of it in one transaction.

        Raises:
            TargetError: it failed, and nothing was written; or nobody knows, where it is away.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._make()
                async with self._engine.begin() as connection:
                    return await do(connection)
        except self._failures as error:
            raise self._failure(error) from None

    async def close(self) -> None:
        await self._engine.dispose()

    async def _make(self) -> None:
        """Of two that make it at once one is told that it is there: so it looks again."""
        async with self._making:
            if self._is_there:
                return
            try:
                await self._made()
            except (ProgrammingError, OperationalError, IntegrityError):
                await self._made()
            self._is_there = True

    async def _made(self) -> None:
        async with self._engine.begin() as connection:
            await connection.run_sync(self._table.metadata.create_all)

    def _failure(self, error: BaseException) -> TargetError:
        """By its kind: the words of some hold values."""
        cause = getattr(error, "orig", None) or error
        state = str(getattr(cause, "sqlstate", None) or "")
        code = cause.args[0] if cause.args else None
        kind = f"{type(cause).__name__} {state or code if isinstance(code, int) else state}".strip()
        if isinstance(error, IntegrityError | DataError):
            words = "a value does not fit into the table of the authorization server"
            return TargetRefused(f"{self._name}: {kind}", words)
        if isinstance(error, ProgrammingError) or state[:2] in _NO_ENTRY or code in _NOT_LET_IN:
            return TargetMisconfigured(f"{self._name}: {kind}")
        if isinstance(error, TimeoutError):
            return TargetAway(f"{self._name}: no answer in {self._timeout:g} s")
        return TargetAway(f"{self._name}: {kind}")


def _url(name: str, settings: ConnectorSettings) -> URL:
    """
    Raises:
        TargetMisconfigured: no URL of a database that we speak to.
    """
    given = settings.database_url
    try:
        url = make_url("" if given is None else given.get_secret_value())
    except (ArgumentError, ValueError):
        raise TargetMisconfigured(f"{name}: database_url is no SQLAlchemy URL") from None
    if url.get_backend_name() == "postgres":
        url = url.set(drivername="postgresql")
    if url.get_backend_name() not in _DRIVERS:
        raise TargetMisconfigured(f"{name}: database_url must be sqlite, postgresql or mysql")
    return url


def _engine(name: str, url: URL, settings: ConnectorSettings) -> AsyncEngine:
    if url.get_backend_name() == "sqlite":
        return create_async_engine(url, hide_parameters=True)
    connect_args: dict[str, Any] = {}
    if (context := _tls(name, url, settings)) is not None:
        connect_args["ssl"] = context
    return create_async_engine(
        url.difference_update_query(["sslmode"]),
        connect_args=connect_args,
        pool_size=settings.concurrency,
        max_overflow=0,
        pool_timeout=settings.timeout,
        pool_pre_ping=True,
        hide_parameters=True,
    )


def _tls(name: str, url: URL, settings: ConnectorSettings) -> ssl.SSLContext | None:
    """By ``sslmode`` as libpq has it; with ca_file alone, whose server it is is verified."""
    mode = url.query.get("sslmode", "verify-full" if settings.ca_file else "disable")
    if mode in {"disable", "allow", "prefer"}:
        return None
    context = ssl.create_default_context()
    try:
        if settings.ca_file is not None:
            context.load_verify_locations(settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise TargetMisconfigured(f"{name}: ca_file {settings.ca_file}: {error}") from None
    context.check_hostname = mode == "verify-full"
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context
