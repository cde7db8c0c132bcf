"""The options that say which clients are meant: the filters of the API, by their names."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import typer

from dcrserver.cli.administration.options import option

_MEMBER = "metadata"
# Name of a filter -> what it is, or the words that it may be. A test holds them to the filters.
FILTERS: Mapping[str, str | tuple[str, ...]] = {
    "q": "words of the name, or beginnings of them, in whatever case",
    "name": "the name, in whatever case",
    "origin": (
        "open", "initial_access_token", "administrator", "import", "document",
        "software_statement",
    ),
    "software_id": "the software",
    "software_version": "the version of the software",
    "method": "its token_endpoint_auth_method",
    "grant": "one of its grant_types",
    "redirect_host": "the host of one of its redirect_uris",
    "application_type": "web or native",
    "policy": "the named policy it is judged by",
    "status": ("active", "suspended"),
    "owner": "whom it belongs to",
    "tag": "one of its tags",
    "created_after": "registered then or later",
    "created_before": "registered before",
    "updated_after": "changed then or later",
    "updated_before": "not changed since",
    "last_used_after": "used then or later",
    "last_used_before": "not used since, or never",
    "secret_expires_after": "its newest secret ends then or later",
    "secret_expires_before": "its newest secret ends before, or has ended",
    "contains": "a text of the registration, in whatever case",
}  # fmt: skip


def _option(name: str, kind: str | tuple[str, ...]) -> inspect.Parameter:
    if isinstance(kind, str):
        return option(name, Annotated[str | None, typer.Option(help=kind)])
    words = Literal[kind]  # type: ignore[valid-type]  # as many as there are
    return option(name, Annotated[words | None, typer.Option(help="which of these it is")])


_OPTIONS = (
    *(_option(name, kind) for name, kind in FILTERS.items()),
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
