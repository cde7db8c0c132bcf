"""SQLAlchemy's asynchronous engines: for migrations, and for MariaDB.

They load SQLAlchemy's ORM, which nothing here uses and which takes as long as many a command: who
only wants to know which database it is asks ``db.urls``.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from dcrserver.db.sync_engine import sync_engine
from dcrserver.settings import DatabaseSettings


def create_engine(settings: DatabaseSettings, **options: Any) -> AsyncEngine:  # noqa: ANN401
    """
    ``options`` of SQLAlchemy's are for a database server.

    Raises:
        ConfigurationError: as ``database_url``, or a file that cannot be used.
    """
    return AsyncEngine(sync_engine(settings, **options))
