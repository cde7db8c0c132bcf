"""The options that say which clients are meant: the filters of the API, by their names."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import typer

from dcrserver.cli.administration.options import option
from dcrserver.client_filters import FILTERS, FilterName

_MEMBER = "metadata"


def _option(row: FilterName) -> inspect.Parameter:
    if not row.values:
        return option(row.name, Annotated[str | None, typer.Option(help=row.description)])
    values = row.values
    words = Literal[values]  # type: ignore[valid-type]  # as many as there are
    return option(row.name, Annotated[words | None, typer.Option(help=row.description)])


_OPTIONS = (
    *(_option(row) for row in FILTERS.values()),
    option(
        _MEMBER,
        Annotated[
            list[str] | None,
            typer.Option(
                metavar="NAME=VALUE", help="what a member of the metadata is; may be repeated"
            ),
        ],
    ),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which clients are meant: parameters of a query, by name."""

    query: Mapping[str, str]

    @classmethod
    def parameters(cls) -> tuple[inspect.Parameter, ...]:
        return _OPTIONS

    @classmethod
    def taken_from(cls, given: dict[str, Any]) -> Self:
        """Takes them out of what a command was given.

        Raises:
            typer.BadParameter: a member is named without a value.
        """
        query = {name: given.pop(name) for name in FILTERS}
        for text in given.pop(_MEMBER) or ():
            name, is_there, value = text.partition("=")
            if not is_there:
                raise typer.BadParameter("must be NAME=VALUE", param_hint=f"--{_MEMBER}")
            query[f"{_MEMBER}.{name}"] = value
        return cls({name: value for name, value in query.items() if value is not None})
