"""Brings the schema up to date: Alembic, driven from an installed wheel as from a checkout."""

from __future__ import annotations

import asyncio

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from dcrserver.db import schema
from dcrserver.db.migration_lock import Aborted, locked
from dcrserver.errors import Unavailable

# Of instances that start at once at several nodes, each may lose to the others a few times.
_ATTEMPTS = 50
_AGAIN_SECONDS = 0.3


def config() -> Config:
    """Alembic's configuration without a file."""
    made = Config()
    made.set_main_option("script_location", str(schema.location()).replace("%", "%%"))
    return made


def current_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def upgrade(engine: AsyncEngine) -> tuple[str | None, str | None]:
    """Brings the schema up to date under a lock; the revisions before and after.

    One that is newer than this program stays as it is: see ``schema.is_newer``.

    Raises:
        Unavailable: the database cannot be reached.
    """
    for _ in range(_ATTEMPTS):
        try:
            async with engine.connect() as connection:
                before_and_after = await connection.run_sync(_upgrade)
                await connection.commit()
        except Aborted:
            await asyncio.sleep(_AGAIN_SECONDS)
        except OSError as error:  # drivers that have no error of their own for it
            detail = str(error) or type(error).__name__
            raise Unavailable("the database cannot be used", detail=detail) from None
        else:
            return before_and_after
    raise Unavailable("another migration is running", detail="its lock cannot be had")


def _upgrade(connection: Connection) -> tuple[str | None, str | None]:
    with locked(connection):
        before = current_revision(connection)
        if schema.is_newer(before):
            return before, before
        made = config()
        made.attributes["connection"] = connection
        command.upgrade(made, "head")
        return before, current_revision(connection)
