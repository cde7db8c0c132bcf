"""From a record to the values of its row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def as_row(record: DataclassInstance) -> dict[str, Any]:
    """Column -> value. ``dataclasses.asdict`` copies deeply, at a price that shows."""
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
