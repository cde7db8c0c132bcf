"""Fixtures of the whole suite."""

from __future__ import annotations

import gc
import itertools
import os
import ssl
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Dialect

from dcrserver import security
from dcrserver.db.protocol.statements import Compiler
from dcrserver.settings import TelemetrySettings
from dcrserver.telemetry import configure_logging
from harness.application import Application, application
from harness.databases import BACKENDS, migrated, sqlite_schema
from harness.long_run import IS_LONG

MakeApplication = Callable[..., Any]
_OBJECTS_BETWEEN_COLLECTIONS = 10_000
# What httpx takes them from otherwise.
_NAMES_OF_AUTHORITIES = {"SSL_CERT_FILE", "SSL_CERT_DIR"}


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """One more than there are processors, as tests wait for half of their time; as xdist says where
    what they cover is measured, as in CI: there they hardly do.
    """
    is_told = "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ
    return None if is_told or config.pluginmanager.hasplugin("_cov") else _processors() + 1


def pytest_collection() -> None:
    """What is collected stays: looking in it for garbage would be a third of the time it takes."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Nor is it looked at later, whenever something of a test is."""
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    gc.enable()


def _processors() -> int:
    """Those that we may use, where the system says so."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@pytest.fixture(autouse=True, scope="session")
def _own_settings_only() -> None:
    """A developer's DCR_ variables must not change what is tested."""
    for name in [name for name in os.environ if name.startswith("DCR_")]:
        if not name.startswith("DCR_TEST_"):
            del os.environ[name]


@pytest.fixture(autouse=True, scope="session")
def _logging_as_in_production() -> None:
    configure_logging(TelemetrySettings())


@pytest.fixture(autouse=True, scope="session")
def _authorities_are_read_once() -> Iterator[None]:
    """Httpx reads all certificate authorities for each client that it makes, which takes 20 ms, and
    tests make hundreds that speak plain HTTP.
    """
    made = httpx.create_ssl_context
    usual = made(trust_env=False)

    def once(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:  # noqa: FBT001, FBT002 - as httpx
        is_usual = verify is True and cert is None and not _NAMES_OF_AUTHORITIES & os.environ.keys()
        return usual if is_usual else made(verify, cert, trust_env)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", once)
        yield


@pytest.fixture(autouse=True, scope="session")
def _sniffio_is_not_looked_for() -> Iterator[None]:
    """Httpx does with each request to an application, in all folders, and it is in none."""
    with pytest.MonkeyPatch.context() as patch:
        if find_spec("sniffio") is None:
            patch.setitem(sys.modules, "sniffio", None)
        yield


@pytest.fixture(autouse=True, scope="session")
def _statements_are_compiled_once() -> Iterator[None]:
    """A server compiles each statement once; tests make thousands of servers in one process."""
    compiled: defaultdict[str, dict[Any, Any]] = defaultdict(dict)
    made = Compiler.__init__

    def with_those_of_others(self: Compiler, dialect: Dialect) -> None:
        made(self, dialect)
        self._compiled = compiled[dialect.name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compiler, "__init__", with_those_of_others)
        yield


@pytest.fixture(autouse=True, scope="session")
def _slow_hashes_are_quick() -> None:
    """Of secrets that people chose: a tenth of a second of the processor each, and tests make
    hundreds. Not in the long run, which has what servers have.
    """
    if not IS_LONG:
        security._slow().update(argon2__rounds=1, argon2__memory_cost=64)  # noqa: SLF001


@pytest.fixture(scope="session")
def _database() -> Iterator[Callable[[str], str]]:
    """The one of each kind: with parameters a fixture is made anew whenever these change."""
    with ExitStack() as stack:
        yield cache(lambda backend: stack.enter_context(migrated(backend)))


@pytest.fixture(scope="session", params=BACKENDS)
def any_database(request: pytest.FixtureRequest, _database: Callable[[str], str]) -> str:
    """The URL of a migrated database, once for each kind; shared, so tests use ids of their own."""
    return _database(request.param)


@pytest.fixture(params=BACKENDS)
def own_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The same for one test, which may leave signing keys there that no other can read."""
    with migrated(request.param) as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_database() -> Iterator[str]:
    with migrated("sqlite") as url:
        yield url


@pytest.fixture
async def app(sqlite_database: str) -> AsyncIterator[Application]:
    """An application as it is without any configuration."""
    async with application(sqlite_database) as made:
        yield made


@pytest.fixture
async def any_app(any_database: str) -> AsyncIterator[Application]:
    """The same on each database."""
    async with application(any_database) as made:
        yield made


@pytest.fixture(scope="session")
def sqlite_file() -> bytes:
    """A database with our schema, to be written where one is wanted."""
    return sqlite_schema()


@pytest.fixture
async def make_app(tmp_path: Path, sqlite_file: bytes) -> AsyncIterator[MakeApplication]:
    """Makes applications with settings of their own, on a database of their own."""
    numbers = itertools.count()
    async with AsyncExitStack() as stack:

        async def make(**groups: Any) -> Application:
            path = tmp_path / f"{next(numbers)}.db"
            path.write_bytes(sqlite_file)
            return await stack.enter_async_context(application(f"sqlite:///{path}", **groups))

        yield make
