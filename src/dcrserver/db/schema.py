"""The schema's versions: which there are, which a database has, and whether that one serves.

Without Alembic, which only ``migration`` needs: loading it takes longer than most commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Select, column, func, select, table

from dcrserver.db.protocol.session import Reader

_PACKAGE = Path(__file__).parent.parent
# In a wheel the migrations lie in the package, in a checkout at the top level.
_LOCATIONS = (_PACKAGE / "migrations", _PACKAGE.parent.parent / "migrations")

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


def location() -> Path:
    """The directory of the migrations."""
    return next(path for path in _LOCATIONS if (path / "env.py").exists())


@cache
def revisions() -> Sequence[str]:
    """All revisions, oldest first: files of migrations are named by them, and numbered."""
    files = (location() / "versions").glob("[0-9]*_*.py")
    return tuple(sorted(file.name.partition("_")[0] for file in files))


def head_revision() -> str:
    return revisions()[-1]


async def stored_revision(session: Reader) -> str | None:
    """What Alembic last brought the schema to; None without any."""
    if not (await session.execute(_HAS_VERSION[session.dialect], {})).all():
        return None
    row = (await session.execute(_VERSION, {})).one_or_none()
    return None if row is None else str(row["version_num"])


def not_ready_reason(revision: str | None) -> str | None:
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
    return revision is not None and revision not in revisions()
