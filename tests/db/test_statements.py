"""What the hot lane cannot carry it refuses, instead of leaving it out without a word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Enum,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.sql import ClauseElement

from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.protocol.statements import Change, Compiler, Lookup
from dcrserver.db.tables import clients
from dcrserver.repositories.transaction import Database
from dcrserver.settings import DatabaseSettings
from harness.rows import record

_T = Table(
    "t",
    MetaData(),
    Column("tenant", String(9), primary_key=True),
    Column("name", String(9), primary_key=True),
    Column("made", DateTime),
    Column("is_on", Boolean),
    Column("kind", Enum("a", "b", name="kinds")),
    Column("document", JSON),
    Column("number", Integer, default=3),
    Column("note", Text),
)
_THIS = _T.c.name == bindparam("b_name")


@pytest.fixture(params=[pysqlite.dialect, asyncpg], ids=["sqlite", "postgresql"])
def compiler(request: pytest.FixtureRequest) -> Compiler:
    return Compiler(request.param())


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (update(_T).where(_THIS).values(note="x").returning(_T.c.name), "RETURNING"),
        (insert(clients).returning(clients.c.client_id), "RETURNING"),
        (delete(_T).where(_THIS).returning(_T.c.name), "RETURNING"),
        (select(_T.c.made), "translated"),
        (select(_T.c.kind), "translated"),
        (select(_T.c.document), "translated"),
        (select(_T.c.note).where(_T.c.is_on.is_(bindparam("b", type_=Boolean()))), "translated"),
        (update(_T).where(_THIS).values(is_on=bindparam("b")), "translated"),
        (insert(_T).values(tenant="a", name="b"), "default"),
        (insert(_T), "translated"),
        (text("SELECT 1"), "neither SELECT"),
    ],
    ids=lambda value: str(value).partition("\n")[0],
)
def test_what_would_be_left_out_is_refused(
    compiler: Compiler, statement: ClauseElement, reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        compiler(statement, {})


def test_whatever_selects_is_read(compiler: Compiler) -> None:
    assert compiler(select(_T.c.note), {}).reads
    assert compiler(union_all(select(_T.c.note), select(_T.c.name)), {}).reads
    assert not compiler(update(_T).where(_THIS).values(note="x"), {}).reads


def test_a_value_that_nobody_gave_is_missed(compiler: Compiler) -> None:
    """A column forgotten in an INSERT would be NULL, without a word."""
    row = record()._asdict()
    del row["owner"]
    with pytest.raises(KeyError, match="owner"):
        compiler(insert(clients), row).positions(row)


def test_values_go_where_the_text_has_them(compiler: Compiler) -> None:
    """Also one that stands in the statement itself, and whatever else is given."""
    names = clients.columns.keys()
    given = {name: f"its {name}" for name in reversed([*names, "other"])}
    positions = compiler(insert(clients), given).positions(given)
    assert positions == tuple(f"its {name}" for name in names)
    one = update(_T).where(_THIS).values(note="said")
    assert compiler(one, {}).positions({"b_name": "n", "other": "x"}) == ("said", "n")
    alone = compiler(delete(_T).where(_THIS), {})
    assert alone.positions({"b_name": "n"}) == ("n",)


def test_a_list_is_no_statement_for_many_rows(compiler: Compiler) -> None:
    one_of = _T.c.name.in_(bindparam("b_names", expanding=True))
    assert compiler(select(_T.c.note).where(one_of), {"b_names": ["a", "b"]}).positions({})
    with pytest.raises(Exception, match="b_names"):
        compiler(delete(_T).where(one_of), {})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Lookup([_T.c.note], [_T.c.name]),
        lambda: Change({"b_name": _T.c.name}, lambda value: delete(_T).where(_same(value))),
    ],
    ids=["lookup", "change"],
)
def test_what_may_find_many_rows_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match=r"not the whole key of t: \['t.tenant'\] missing"):
        make()


def _same(value: Callable[[str], Any]) -> Any:
    return _T.c.name == value("b_name")


async def test_nothing_is_written_outside_of_a_transaction(any_database: str) -> None:
    made = Database(open_driver(DatabaseSettings(url=SecretStr(any_database))))
    one = record()
    async with made.read() as tx:
        with pytest.raises(TypeError, match="outside of a transaction"):
            tx.clients.add(one)
        with pytest.raises(TypeError, match="outside of a transaction"):
            await tx.clients.delete(one)
        with pytest.raises(TypeError, match="outside of a transaction"):
            await tx.last_uses.write({("test", one.client_id, ""): 1})
        assert await tx.clients.find("test", one.client_id) is None
    await made.close()
