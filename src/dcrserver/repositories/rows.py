"""Records are what their tables are: a field for each column, by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Table

Record = TypeVar("Record", bound=tuple[Any, ...])


def row_of(table: Table) -> Callable[[type[Record]], type[Record]]:
    """Declares a NamedTuple to be a row of ``table``: whoever writes one writes every column.

    Raises:
        TypeError: a column has no field, or a field no column.
    """

    def declared(record: type[Record]) -> type[Record]:
        fields: tuple[str, ...] = record._fields  # type: ignore[attr-defined]
        if missing := set(fields) ^ set(table.columns.keys()):
            raise TypeError(f"{record.__name__} is not a row of {table.name}: {sorted(missing)}")
        table.info["record"] = record
        return record

    return declared
