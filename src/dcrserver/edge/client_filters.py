"""Filters and sorts of clients as parameters of a query: those that there are, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter, Signature
from types import MappingProxyType
from typing import Annotated, TypeAlias

from fastapi import Depends, Query
from starlette.requests import Request

from dcrserver.client_filters import FILTERS, FilterName
from dcrserver.edge.dependencies import runtime
from dcrserver.repositories.queries.clients.filters import ALIASES, MEMBER, Filter
from dcrserver.repositories.queries.clients.sorts import Sort, SortKey

# For ``free`` of a route that is filtered: members of the metadata.
FREE = (MEMBER,)
_ROWS: Mapping[str, FilterName] = MappingProxyType(
    {
        **FILTERS,
        **{
            alias: FILTERS[name]._replace(name=alias, description=f"another name of `{name}`")
            for alias, name in ALIASES.items()
        },
    }
)


def _wanted(request: Request, **_: str | None) -> Filter:
    """
    Raises:
        InvalidInput: a filter cannot have its value.
    """
    pairs = request.query_params.multi_items()
    asked = (pair for pair in pairs if pair[0] in _ROWS or pair[0].startswith(MEMBER))
    return Filter.parse(asked).known(runtime(request).settings.members)


def _sorted(
    sort: Annotated[
        str, Query(description=f"one of {', '.join(SortKey)}; `-` before it for descending")
    ] = "-created",
) -> Sort:
    """
    Raises:
        InvalidInput: there is no such sort.
    """
    return Sort.parse(sort)


def _signature() -> Signature:
    """A parameter for each filter, for FastAPI to describe."""
    described = [
        Parameter(
            row.name,
            Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None,
                Query(description=row.description, json_schema_extra={"enum": list(row.values)})
                if row.values
                else Query(description=row.description),
            ],
        )
        for row in _ROWS.values()
    ]
    return Signature(
        [Parameter("request", Parameter.POSITIONAL_OR_KEYWORD, annotation=Request), *described]
    )


_wanted.__signature__ = _signature()  # type: ignore[attr-defined]
FilterOf: TypeAlias = Annotated[Filter, Depends(_wanted)]
SortOf: TypeAlias = Annotated[Sort, Depends(_sorted)]
