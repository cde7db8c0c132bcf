"""How Alembic reaches the database: by the connection it is given, or by our settings."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection

from dcrserver.db.engine import create_engine
from dcrserver.db.tables import metadata
from dcrserver.db.tables.columns import MARIADB
from dcrserver.settings import load

for _table in metadata.tables.values():
    _table.dialect_kwargs.update(MARIADB)


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


async def _connect() -> None:
    engine = create_engine(load().database)
    async with engine.begin() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    asyncio.run(_connect())
