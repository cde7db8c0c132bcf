"""The schema's versions: Alembic driven from an installed wheel as from a checkout."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Select, column, func, select, table
from sqlalchemy.ext.asyncio import AsyncEngine

from dcrserver.db.migration_lock import Aborted, locked
from dcrserver.db.session import Session
from dcrserver.errors import Unavailable

_PACKAGE = Path(__file__).parent.parent
# In a wheel the migrations lie in the package, in a checkout at the top level.
_LOCATIONS = (_PACKAGE / "migrations", _PACKAGE.parent.parent / "migrations")

# Of instances that start at once at several nodes, each may lose to the others a few times.
_ATTEMPTS = 50
_AGAIN_SECONDS = 0.3
NEWER = "the schema is of a later version than this program"

_VERSION: Select[Any] = select(column("version_num")).select_from(table("alembic_version"))
# Asking for a table that is not there would be an error, in each database another one.
_IN_SCHEMA: Select[Any] = (
    select(column("table_name"))
    .select_from(table("tables", schema="information_schema"))
    .where(column("table_name") == "alembic_version")
)
_HAS_VERSION = {
    "sqlite": select(column("name"))
    .select_from(table("sqlite_master"))
    .where(column("name") == "alembic_version"),
    "postgresql": _IN_SCHEMA.where(column("table_schema") == func.current_schema()),
    "mysql": _IN_SCHEMA.where(column("table_schema") == func.database()),
}


def config() -> Config:
    """Alembic's configuration without a file."""
    made = Config()
    location = next(path for path in _LOCATIONS if (path / "env.py").exists())
    made.set_main_option("script_location", str(location).replace("%", "%%"))
    return made


@cache
def head_revision() -> str | None:
    return ScriptDirectory.from_config(config()).get_current_head()


def current_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def stored_revision(session: Session) -> str | None:
    """What Alembic last brought the schema to; None without any."""
    if not (await session.execute(_HAS_VERSION[session.dialect], {})).all():
        return None
    row = (await session.execute(_VERSION, {})).one_or_none()
    return None if row is None else str(row["version_num"])


def obstacle(revision: str | None) -> str | None:
    """Why a schema at ``revision`` cannot serve this version; None if it can.

    A schema from a later version serves: migrations only add (expand, later contract).
    """
    if revision is None:
        return "the database has no schema: run dcrserver migrate"
    if revision != head_revision() and not is_newer(revision):
        return "the database schema is behind: run dcrserver migrate"
    return None


def is_newer(revision: str | None) -> bool:
    """Whether a later version of the program made the schema: none of ours is called so."""
    if revision is None:
        return False
    try:
        return ScriptDirectory.from_config(config()).get_revision(revision) is None
    except CommandError:
        return True


async def upgrade(engine: AsyncEngine) -> tuple[str | None, str | None]:
    """Brings the schema up to date under a lock; the revisions before and after.

    One that is newer than this program stays as it is: see ``is_newer``.

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
        if is_newer(before):
            return before, before
        made = config()
        made.attributes["connection"] = connection
        command.upgrade(made, "head")
        return before, current_revision(connection)
