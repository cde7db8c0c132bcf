"""One module for each way to a database; ``open_driver`` chooses."""

from __future__ import annotations

from dcrserver.db.drivers.mariadb import MariadbDriver
from dcrserver.db.drivers.postgresql import PostgresqlDriver
from dcrserver.db.drivers.sqlite import SqliteDriver
from dcrserver.db.engine import database_url
from dcrserver.db.session import Driver
from dcrserver.settings import DatabaseSettings


def open_driver(settings: DatabaseSettings) -> Driver:
    """Connects at first need.

    Raises:
        ConfigurationError: the URL is none, or names something we do not speak to.
    """
    backend = database_url(settings).get_backend_name()
    if backend == "sqlite":
        return SqliteDriver(settings)
    return PostgresqlDriver(settings) if backend == "postgresql" else MariadbDriver(settings)
