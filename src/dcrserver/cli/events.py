"""dcrserver events: the audit trail."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

import typer

from dcrserver.cli.administration.exports import print_export
from dcrserver.cli.administration.options import grouped, option
from dcrserver.cli.administration.where import LimitOption, Where
from dcrserver.cli.output import Form, print_rows
from dcrserver.cli.shared import commands, examples
from dcrserver.names import ALL_TENANTS

_COLUMNS = ("at", "type", "actor", "subject", "address", "id")
# Filter of the API -> what it means.
_FILTERS = {
    "type": "a type, or the beginning of some with its dot (client.)",
    "actor_kind": "who did it: kind",
    "actor_id": "who did it: id",
    "subject_kind": "what it was done to: kind",
    "subject_id": "what it was done to: id",
    "request_id": "X-Request-Id of the request",
    "since": "then or later",
    "until": "before",
}

app = commands("What happened: the audit trail.")


@dataclass(frozen=True, slots=True)
class About:
    """Which events are meant: parameters of a query, by name."""

    query: Mapping[str, str | None]

    @classmethod
    def parameters(cls) -> tuple[inspect.Parameter, ...]:
        return tuple(
            option(name, Annotated[str | None, typer.Option(help=told)])
            for name, told in _FILTERS.items()
        )

    @classmethod
    def taken_from(cls, given: dict[str, Any]) -> Self:
        """Takes them out of what a command was given."""
        return cls({name: given.pop(name) for name in _FILTERS})


def _of_all(where: Where) -> str | None:
    return "true" if where.tenant == ALL_TENANTS else None


@app.command(
    "list",
    epilog=examples(
        "events list",
        "events list --type client. --since 2026-01-01",
        "events list --subject-kind client --subject-id CLIENT_ID --oldest-first",
    ),
)
@grouped
def list_(
    where: Where,
    about: About,
    form: Form,
    *,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="in that order")] = False,
    limit: LimitOption = 100,
) -> None:
    """Show what happened, the newest first: all, or what every filter means; --tenant '*': to all
    tenants.
    """
    found = where.list(
        "list_events", limit, **about.query, all_tenants=_of_all(where),
        oldest_first="true" if oldest_first else None,
    )  # fmt: skip
    print_rows(found, form, _COLUMNS)


@app.command(
    "export",
    epilog=examples(
        "events export --since 2026-01-01", "events export --tenant '*' --type client."
    ),
)
@grouped
def export(
    where: Where,
    about: About,
    after: Annotated[
        str | None, typer.Option(help="id of the last event that was exported: go on behind it")
    ] = None,
) -> None:
    """Print all events, one JSON object a line, the oldest first, without those of the last ten
    seconds unless --until is given: what comes later can still lie before them.
    """
    print_export(where, "export_events", "id", after, "", **about.query, all_tenants=_of_all(where))
