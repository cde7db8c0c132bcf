"""Which database a URL names, and what may stand in it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

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
