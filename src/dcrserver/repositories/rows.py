"""Records are what their tables are: a field for each column, by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from sqlalchemy import Row, Table

Record = TypeVar("Record", bound=tuple[Any, ...])


def row_of(
    table: Table, derived: frozenset[str] = frozenset()
) -> Callable[[type[Record]], type[Record]]:
    """Declares a NamedTuple to be a row of ``table``: whoever writes one writes every column.

    ``derived``: columns without a field, which the repository makes of the others.

    Raises:
        TypeError: a column has no field, or a field no column.
    """

    def declared(record: type[Record]) -> type[Record]:
        fields: tuple[str, ...] = record._fields  # type: ignore[attr-defined]
        if missing := set(fields) ^ (set(table.columns.keys()) - derived):
            raise TypeError(f"{record.__name__} is not a row of {table.name}: {sorted(missing)}")
        table.info["record"] = record
        return record

    return declared


def holding(text: str) -> str:
    """Whatever has ``text`` in it, for LIKE ... ESCAPE '/'."""
    for special in "/%_":
        text = text.replace(special, f"/{special}")
    return f"%{text}%"


def records(record: type[Record], rows: Iterable[Row[*tuple[Any, ...]]]) -> list[Record]:
    """Each of the ``rows``, which have the columns of its table, as a ``record``."""
    return [record(**row._mapping) for row in rows]  # noqa: SLF001 - its public name
