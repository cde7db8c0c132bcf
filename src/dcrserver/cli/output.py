"""What commands print: a table for a person at a terminal, JSON for a program in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import typer

from dcrserver.cli.shared import duration

Row: TypeAlias = Mapping[str, Any]


class Output(StrEnum):
    """The two forms of what a command prints."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[
    Output | None,
    typer.Option("--output", "-o", help="form of the output; a table on a terminal, else JSON"),
]


def spelled(value: Any, name: str = "") -> Any:  # noqa: ANN401 - any JSON
    """``value`` of the member ``name``, with its times as all commands spell them.

    Moments as RFC 3339 has them, durations as options take them; a client's own metadata stays.
    """
    if isinstance(value, Mapping) and name != "metadata":
        return {each: spelled(inner, each) for each, inner in value.items()}
    if isinstance(value, list):
        return [spelled(inner, name) for inner in value]
    if type(value) is int and name.endswith("_at"):
        from dcrserver.services.audit import utc

        return utc(value)
    return duration(value) if type(value) is int and name.endswith("_lifetime") else value


def is_table(output: Output | None) -> bool:
    """Whether to print a table: as ``output`` says, else for a terminal."""
    return output is Output.TABLE if output else sys.stdout.isatty()


def print_rows(rows: Iterable[Row], output: Output | None) -> None:
    """Prints rows as a table, or as an object a line."""
    rows = [spelled(row) for row in rows]
    if is_table(output):
        _print_lines(table(rows))
    else:
        _print_lines(json.dumps(row, ensure_ascii=False) for row in rows)


def print_one(row: Row, output: Output | None) -> None:
    """Prints an object: a line for each member, lists as tables below; or as JSON."""
    row = spelled(row)
    if not is_table(output):
        print(json.dumps(row, indent=2, ensure_ascii=False))
        return
    tables = {name: value for name, value in row.items() if _is_table(value)}
    _print_lines(table([{"": name, " ": row[name]} for name in row if name not in tables])[1:])
    for name, value in tables.items():
        _print_lines(["", f"{name}:", *table(value)])


def table(rows: Sequence[Row]) -> list[str]:
    """Lines with the members of all rows in columns; a head, if there is any row."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name)) for name in columns] for row in rows]
    head = [name.replace("_", " ").upper() for name in columns]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in ([head, *cells] if rows else [])
    ]


def printable(text: str) -> str:
    """Names of others hold anything; a terminal would obey some of it."""
    return text if text.isprintable() else ascii(text)[1:-1]


def _is_table(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(each, Mapping) for each in value)


def _cell(value: object) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping) and {*value} == {"kind", "id"}:
        return printable(":".join(value[name] for name in ("kind", "id") if value[name]))
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return printable(", ".join(value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text)


def _print_lines(lines: Iterable[str] | Iterator[str]) -> None:
    for line in lines:
        print(line)
