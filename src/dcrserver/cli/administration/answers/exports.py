"""What the database answers in lines: exports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType

from dcrserver.cli.administration.answers.events import wanted_of
from dcrserver.cli.administration.answers.here import Here
from dcrserver.repositories.queries.clients.filters import Filter
from dcrserver.services.clients.exports import exported_pages


async def _export_clients(
    here: Here,
    *,
    after: str = "",
    after_issued_at: str | None = None,
    credentials: str = "",
    **wanted: str,
) -> AsyncIterator[str]:
    tenant, asked = await here.tenant(), Filter.parse(wanted.items()).known(here.members)
    moment = None if after_issued_at is None else int(after_issued_at)
    async for text in exported_pages(
        here.operations.lists, tenant.name, asked, after, moment, credentials=bool(credentials)
    ):
        yield text


async def _export_events(
    here: Here, *, after: str | None = None, all_tenants: str = "", **about: str
) -> AsyncIterator[str]:
    tenant = None if all_tenants else (await here.tenant()).name
    reading = here.operations.event_reading
    async for text in reading.exported(tenant, wanted_of(about), after, here.actor):
        yield text


# By the operation's id, which its function is called after.
LINES: Mapping[str, Callable[..., AsyncIterator[str]]] = MappingProxyType(
    {each.__name__.removeprefix("_"): each for each in (_export_clients, _export_events)}
)
