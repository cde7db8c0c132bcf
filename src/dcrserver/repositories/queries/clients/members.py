"""Whether a member of the metadata is a value, or lists it: in each database's words for JSON."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)

from dcrserver.db.dialects import words_of
from dcrserver.db.tables import clients
from dcrserver.strict_json import dumps

# Not texts, but what JSON has beside them: who asks for one of these means either.
_OTHERS = re.compile(r"true|false|-?(?:0|[1-9][0-9]*)")


def member_is(dialect: str, name: str, text: str) -> ColumnElement[bool]:
    """Whether the member ``name``, of letters that need no escaping, is ``text`` or lists it."""
    values = [dumps(text), *([text] if _OTHERS.fullmatch(text) else [])]
    ways = {"postgresql": _postgresql, "sqlite": _sqlite}.get(dialect, _mariadb)
    # Looked for first: what does not hold the text need not be parsed.
    is_there = clients.c.metadata.contains(values[0][1:-1], autoescape=True)
    return and_(is_there, ways(name, text, values))


def _postgresql(name: str, _text: str, values: list[str]) -> ColumnElement[bool]:
    jsonb = words_of("postgresql").JSONB
    member = cast(clients.c.metadata, jsonb)[name]
    return or_(*(member.contains(cast(literal(each, Text()), jsonb)) for each in values))


def _mariadb(name: str, _text: str, values: list[str]) -> ColumnElement[bool]:
    path = f'$."{name}"'
    return or_(*(func.json_contains(clients.c.metadata, each, path) == 1 for each in values))


def _sqlite(name: str, text: str, _values: list[str]) -> ColumnElement[bool]:
    found = func.json_each(clients.c.metadata, f'$."{name}"').table_valued("type", "value")
    kind: ColumnElement[str] = column("type")
    value: ColumnElement[Any] = column("value")
    words = case(
        (kind.in_(["true", "false"]), kind),
        (kind.in_(["text", "integer"]), cast(value, Text())),
    )
    return exists(select(literal_column("1")).select_from(found).where(words == text))
