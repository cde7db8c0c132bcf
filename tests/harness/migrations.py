"""A database at one of the older versions of the schema."""

from __future__ import annotations

from alembic import command
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from dcrserver.db import migration
from dcrserver.db.migration_lock import locked


async def migrate_to(engine: AsyncEngine, revision: str, *, back: bool = False) -> None:
    """As ``migration.upgrade`` does it, but to any ``revision``; ``back`` to an earlier one."""

    def run(connection: Connection) -> None:
        config = migration.config()
        config.attributes["connection"] = connection
        with locked(connection):
            (command.downgrade if back else command.upgrade)(config, revision)

    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
