"""What the database answers about events."""

from __future__ import annotations

from dcrserver.cli.administration.answers.here import Here, page, place_in, told
from dcrserver.repositories.queries.clients.filters import moment_in
from dcrserver.repositories.queries.events import EventFilter
from dcrserver.schemas.admin.events import Event
from dcrserver.services.audit.reading import order_of, place_of, types_in
from dcrserver.strict_json import JsonObject

_MOMENTS = frozenset({"since", "until"})


async def _list_events(
    here: Here,
    *,
    limit: int,
    cursor: str | None = None,
    oldest_first: str = "",
    type: str | None = None,  # noqa: A002 - the name of the parameter
    **about: str,
) -> JsonObject:
    values = {
        name: moment_in(text, name) if name in _MOMENTS else text for name, text in about.items()
    }
    wanted = EventFilter(types=types_in([type] if type else ()), **values)  # type: ignore[arg-type]  # by their names
    order, place = order_of(oldest_first=bool(oldest_first)), place_in(cursor)
    tenant, reading = await here.tenant(), here.operations.event_reading
    found = await reading.events(tenant.name, wanted, order, place, limit + 1, here.origin.actor)
    return page(found, limit, place_of, lambda each: told(Event, each))


ANSWERS = (_list_events,)
