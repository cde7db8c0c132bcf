"""The tables of docs/admin.md, made from the rows that the program reads; the rest is written."""

from __future__ import annotations

import re
from pathlib import Path

from dcrserver.client_filters import FILTERS, FilterName
from dcrserver.repositories.queries.clients.filters import ALIASES
from dcrserver.repositories.queries.clients.sorts import SortKey
from dcrserver.services.access.scopes import ROLES, SCOPES, expanded

PAGE = Path(__file__).parent / "admin.md"
_MADE = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def text() -> str:
    """The page with its tables as they are now.

    Raises:
        KeyError: a table that nobody makes is asked for.
    """
    tables = {"scopes": _scopes(), "filters": _filters(), "sorts": ", ".join(map(_code, SortKey))}
    return _MADE.sub(
        lambda found: f"{found[1]}{tables[found[2]]}\n{found[3]}", PAGE.read_text("utf-8")
    )


def _scopes() -> str:
    """Each scope, what it lets do, and the roles that have it."""
    held = {role: expanded(scopes) for role, scopes in ROLES.items()}
    rows = [
        f"| {_code(scope)} | {meaning} | "
        + " | ".join("x" if scope in scopes else "" for scopes in held.values())
        + " |"
        for scope, meaning in SCOPES.items()
    ]
    head = f"| scope | lets | {' | '.join(map(_code, held))} |\n{'|---' * (len(held) + 2)}|"
    return "\n".join([head, *rows])


def _filters() -> str:
    others = {
        name: ", ".join(_code(alias) for alias, meant in ALIASES.items() if meant == name)
        for name in FILTERS
    }
    rows = [
        f"| {_code(row.name)} | {row.description} | {_value(row)} | {others[row.name]} |"
        for row in FILTERS.values()
    ]
    head = f"| filter | clients that are meant | value | also called |\n{'|---' * 4}|"
    return "\n".join([head, *rows])


def _value(row: FilterName) -> str:
    return ", ".join(map(_code, row.values)) or ("a moment" if row.is_time else "a text")


def _code(word: str) -> str:
    return f"`{word}`"
