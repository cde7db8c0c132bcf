"""What tables are made of: kinds of columns, and of indexes."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    MetaData,
    String,
    Text,
)


class _MediumText(Text):
    """MariaDB's MEDIUMTEXT, by the name alone: its own module would load all of that dialect."""

    __visit_name__ = "MEDIUMTEXT"


# What becomes of a row that is there when it is inserted (info["there"] of a table, by the row that
# is there and the one that would be new), in this order, and where it does at all; None: always.
Changes: TypeAlias = tuple[dict[str, ColumnElement[Any]], ColumnElement[bool] | None]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Of every table. Identifiers are compared octet by octet; MariaDB would fold case otherwise. They
# are told to migrations alone: as options of the tables they would load all that SQLAlchemy has for
# MariaDB, for each command.
MARIADB: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}
Document = Text().with_variant(_MediumText(collation="utf8mb4_bin"), "mysql", "mariadb")
Name = String(64)
# Ours have 32 characters; those that were imported may be URLs.
ClientId = String(512)
Digest = String(64)
# 128 bits in base64url.
FacetsId = String(22)


def timestamp(name: str) -> Column[int]:
    """Seconds since 1970; 0 is never, also in rows from before the column was there."""
    return Column(name, BigInteger, nullable=False, server_default="0")


def of_few(name: str, *columns: str) -> Index:
    """An index of the rows in which ``name`` is set; MariaDB has them of all rows only.

    The condition is for migrations: as an option of the index it would load all that SQLAlchemy
    has for PostgreSQL, for each command.
    """
    is_set = f"{name} > 0" if name.endswith("_at") else f"{name} IS NOT NULL"
    if name == "updated_at":
        is_set = "updated_at != issued_at"
    return Index(None, *columns, info={"where": is_set})
