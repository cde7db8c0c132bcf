"""What commands print: a table for a person at a terminal, JSON for a program in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from inspect import Parameter
from typing import Annotated, Any, Self, TypeAlias

import typer

from dcrserver.cli.administration.options import option

Row: TypeAlias = Mapping[str, Any]


class Output(StrEnum):
    """The two forms of what a command prints."""

    TABLE = "table"
    JSON = "json"


_OPTIONS = (
    option(
        "output",
        Annotated[
            Output | None,
            typer.Option(
                "--output", "-o", help="form of the output; a table on a terminal, else JSON"
            ),
        ],
    ),
    option(
        "as_json", Annotated[bool, typer.Option("--json", help="as --output json")], default=False
    ),
)


@dataclass(frozen=True, slots=True)
class Form:
    """The options that say in which form something is printed; None: it was not said."""

    chosen: Output | None = None

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        return _OPTIONS

    @classmethod
    def taken_from(cls, given: dict[str, Any]) -> Self:
        """Takes them out of what a command was given; --json is one of them."""
        output, as_json = given.pop("output"), given.pop("as_json")
        return cls(Output.JSON if as_json else output)

    @property
    def is_table(self) -> bool:
        """Whether a table was chosen; else whether it is for a terminal."""
        return self.chosen is Output.TABLE if self.chosen else sys.stdout.isatty()

    @property
    def is_json(self) -> bool:
        """Whether JSON was chosen."""
        return self.chosen is Output.JSON


def print_rows(rows: Iterable[Row], form: Form, columns: Sequence[str] = ()) -> None:
    """Prints rows as a table, or as an object a line.

    ``columns``: what the table has of each row, all of it if there are none; a.b is b in a.
    """
    if form.is_table:
        _print_lines(table([_cut(row, columns) if columns else row for row in rows]))
    else:
        _print_lines(json.dumps(row, ensure_ascii=False) for row in rows)


def print_one(row: Row, form: Form) -> None:
    """Prints an object: a line for each member, lists as tables below; or as JSON."""
    if not form.is_table:
        print(json.dumps(row, indent=2, ensure_ascii=False))
        return
    tables = {name: value for name, value in row.items() if _is_table(value)}
    _print_lines(table([{"": name, " ": row[name]} for name in row if name not in tables])[1:])
    for name, value in tables.items():
        _print_lines(["", f"{name}:", *table(value)])


def _cut(row: Row, columns: Sequence[str]) -> Row:
    made = {}
    for column in columns:
        value: Any = row
        for name in column.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        made[column.rpartition(".")[2]] = value
    return made


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
    if isinstance(value, Mapping) and {"kind", "id"} <= {*value} <= {"kind", "id", "name"}:
        told = ":".join(value[name] for name in ("kind", "id") if value[name])
        return printable(f"{told} ({value['name']})" if value.get("name") else told)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return printable(", ".join(value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text)


def _print_lines(lines: Iterable[str] | Iterator[str]) -> None:
    for line in lines:
        print(line)
