"""What the database answers about events."""

from __future__ import annotations

from collections.abc import Mapping

from dcrserver.cli.administration.answers.here import Here, page, place_in, told
from dcrserver.repositories.queries.clients.filters import moment_in
from dcrserver.repositories.queries.events import EventFilter
from dcrserver.schemas.admin.events import Event
from dcrserver.services.audit.reading import order_of, place_of, types_in
from dcrserver.strict_json import JsonObject

_MOMENTS = frozenset({"since", "until"})


def wanted_of(about: Mapping[str, str]) -> EventFilter:
    """The filter that parameters of a query say."""
    types = types_in([about["type"]] if "type" in about else ())
    values = {
        name: moment_in(text, name) if name in _MOMENTS else text
        for name, text in about.items()
        if name != "type"
    }
    return EventFilter(types=types, **values)  # type: ignore[arg-type]  # by their names


async def _list_events(
    here: Here,
    *,
    limit: int,
    cursor: str | None = None,
    oldest_first: str = "",
    all_tenants: str = "",
    **about: str,
) -> JsonObject:
    order, place = order_of(oldest_first=bool(oldest_first)), place_in(cursor)
    tenant = None if all_tenants else (await here.tenant()).name
    reading = here.operations.event_reading
    found = await reading.events(tenant, wanted_of(about), order, place, limit + 1, here.actor)
    return page(found, limit, place_of, lambda each: told(Event, each))


ANSWERS = (_list_events,)
