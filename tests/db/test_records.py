"""Records are what their tables are; a table that has changed alone stops the program."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import NamedTuple

import pytest
from sqlalchemy import Column, MetaData, Table, Text

from dcrserver.db.tables import metadata
from dcrserver.repositories.rows import row_of

# Locks, by statements that name each column.
_WITHOUT_RECORD = {"leases", "client_quotas"}


class Record(NamedTuple):
    name: str
    number: int


def test_a_record_with_other_fields_than_its_table_has_columns_stops_the_program() -> None:
    def declare(*columns: str) -> type[Record]:
        return row_of(Table("t", MetaData(), *(Column(name, Text()) for name in columns)))(Record)

    assert declare("number", "name") is Record
    with pytest.raises(TypeError, match=r"^Record is not a row of t: \['owner'\]$"):
        declare("name", "number", "owner")
    with pytest.raises(TypeError, match=r"^Record is not a row of t: \['number'\]$"):
        declare("name")


def test_every_table_has_a_record() -> None:
    repositories = import_module("dcrserver.repositories")
    for module in pkgutil.walk_packages(repositories.__path__, "dcrserver.repositories."):
        import_module(module.name)
    without = {name for name, table in metadata.tables.items() if "record" not in table.info}
    assert without == _WITHOUT_RECORD
