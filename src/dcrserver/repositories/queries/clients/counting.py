"""How many clients a filter means: exact as long as they are not many, and an estimate above."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, Executable, Select, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from dcrserver.db.queries import Queries
from dcrserver.repositories.queries.clients.filters import Filter
from dcrserver.repositories.queries.clients.scope import scope_of

# Up to so many are counted.
EXACT = 10_000


class Count(NamedTuple):
    """So many; ``is_exact``: they were counted, not estimated."""

    value: int
    is_exact: bool


async def count(queries: Queries, tenant: str | None, wanted: Filter) -> Count:
    """Of the ``tenant``, or of all. SQLite counts all: it has nothing to estimate by."""
    scope = await scope_of(queries, tenant, wanted, has_ids=False)
    bound = None if queries.dialect == "sqlite" else EXACT + 1
    counted = select(func.count()).select_from(scope.count(bound).subquery())
    value: int = (await queries.all(counted))[0][0]
    if bound is None or value <= EXACT:
        return Count(value, is_exact=True)
    return Count(max(value, await _estimate(queries, scope.count(None))), is_exact=False)


class _Explained(Executable, ClauseElement):
    """What the database's planner thinks of a statement."""

    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Explained, "postgresql")
def _for_postgresql(element: _Explained, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"


@compiles(_Explained, "mysql", "mariadb")
def _for_mariadb(element: _Explained, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return f"EXPLAIN EXTENDED {compiler.process(element.statement, **options)}"


async def _estimate(queries: Queries, statement: Select[Any]) -> int:
    explained: Any = _Explained(statement)
    rows: Any = await queries.all(explained)
    if queries.dialect == "postgresql":
        told: Any = rows[0][0]
        plan = json.loads(told) if isinstance(told, str) else told
        return int(plan[0]["Plan"]["Plan Rows"])
    outer = [row for row in rows if row.select_type in {"SIMPLE", "PRIMARY"}]
    return int(math.prod(int(row.rows) * float(row.filtered) / 100 for row in outer))
