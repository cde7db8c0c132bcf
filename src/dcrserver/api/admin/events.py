"""/admin/v1/events: administrators read the audit trail."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, TypeAlias

from fastapi import Depends, Query
from starlette.responses import Response

from dcrserver.edge.administration import AdminRoute
from dcrserver.edge.callers import Caller, CallerOf, RuntimeOf
from dcrserver.edge.lines import MEDIA_TYPE, lines
from dcrserver.edge.pages import Page, PagingOf
from dcrserver.edge.routers import Router
from dcrserver.repositories.queries.clients.filters import moment_in
from dcrserver.repositories.queries.events import EventFilter
from dcrserver.schemas.admin.events import Event
from dcrserver.services.audit import SubjectKind
from dcrserver.services.audit.actors import ActorKind
from dcrserver.services.audit.reading import order_of, place_of, types_in

router = Router(AdminRoute, "/events", "events")

_Text: TypeAlias = Annotated[
    str | None, Query(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]*$")
]
_Moment: TypeAlias = Annotated[str | None, Query(max_length=40, examples=["2026-01-31T00:00:00Z"])]


def _about(
    actor_kind: ActorKind | None = None,
    actor_id: _Text = None,
    subject_kind: SubjectKind | None = None,
    subject_id: _Text = None,
    request_id: _Text = None,
) -> EventFilter:
    return EventFilter(
        actor_kind=actor_kind and actor_kind.word,
        actor_id=actor_id,
        subject_kind=subject_kind and subject_kind.word,
        subject_id=subject_id,
        request_id=request_id,
    )


def _wanted(
    about: Annotated[EventFilter, Depends(_about)],
    type: Annotated[  # noqa: A002 - the name of the parameter
        list[str] | None,
        Query(
            max_length=100,
            description="a type, or the beginning of some with its dot (`client.`); may be there"
            " more than once",
        ),
    ] = None,
    since: _Moment = None,
    until: _Moment = None,
) -> EventFilter:
    """
    Raises:
        InvalidInput: there is no such type, or a moment is none.
    """
    return replace(
        about,
        types=types_in(type or ()),
        since=None if since is None else moment_in(since, "since"),
        until=None if until is None else moment_in(until, "until"),
    )


_WantedOf: TypeAlias = Annotated[EventFilter, Depends(_wanted)]
_Everywhere: TypeAlias = Annotated[
    bool, Query(description="of all tenants, for administrators of all")
]


@router.get(
    "",
    scope="events:read",
    summary="List events",
    operation_id="list_events",
    response_model=Page[Event],
)
async def list_events(
    here: RuntimeOf,
    caller: CallerOf,
    paging: PagingOf,
    wanted: _WantedOf,
    *,
    oldest_first: bool = False,
    all_tenants: _Everywhere = False,
) -> Page[Event]:
    """What happened, newest first."""
    order = order_of(oldest_first=oldest_first)
    found = await here.administration.events.events(
        _tenant(caller, everywhere=all_tenants),
        wanted,
        order,
        paging.after,
        paging.limit + 1,
        caller.actor,
    )
    return paging.page(found, place_of, Event.model_validate)


@router.get(
    "/export",
    scope="events:read",
    summary="Export events",
    operation_id="export_events",
    response_model=None,
    responses={
        200: {
            "description": "An event a line, oldest first, to the end of what there is",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Event"}}},
        }
    },
)
async def export_events(
    here: RuntimeOf,
    caller: CallerOf,
    wanted: _WantedOf,
    after: Annotated[
        str | None,
        Query(
            pattern=r"^[0-9a-f]{12}-[A-Za-z0-9_-]{1,50}$",
            description="the `id` of the last event that came before",
        ),
    ] = None,
    *,
    all_tenants: _Everywhere = False,
) -> Response:
    """All events as JSON lines. One that was broken off goes on `after` its last line.

    What is younger than ten seconds is left for the next time, unless `until` is given.
    """
    tenant = _tenant(caller, everywhere=all_tenants)
    pages = here.administration.events.exported(tenant, wanted, after, caller.actor)
    return await lines(here.administration.exports, pages)


def _tenant(caller: Caller, *, everywhere: bool) -> str | None:
    return None if everywhere else caller.tenant.name
