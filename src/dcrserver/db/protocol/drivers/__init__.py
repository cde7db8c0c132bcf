"""One module for each way to a database; ``open_driver`` chooses."""

from __future__ import annotations

from importlib import import_module

from dcrserver.db.protocol.session import Driver
from dcrserver.db.urls import database_url
from dcrserver.settings import DatabaseSettings

_DRIVERS = {
    "sqlite": "sqlite.SqliteDriver",
    "postgresql": "postgresql.PostgresqlDriver",
    "mysql": "mariadb.MariadbDriver",
    "mariadb": "mariadb.MariadbDriver",
}


def open_driver(settings: DatabaseSettings) -> Driver:
    """Connects at first need. Only the one that is used is imported: each brings a library along.

    Raises:
        ConfigurationError: the URL is none, or names something we do not speak to.
    """
    module, _, name = _DRIVERS[database_url(settings).get_backend_name()].partition(".")
    made: Driver = getattr(import_module(f"{__name__}.{module}"), name)(settings)
    return made
