"""Use case: administrators read the audit trail, by pages and as a whole."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from dcrserver.errors import Forbidden, InvalidInput
from dcrserver.repositories.events import EventRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.events import NEWEST, OLDEST, EventFilter
from dcrserver.repositories.queries.keyset import Order, Place
from dcrserver.services.audit import EventType, Subject, described
from dcrserver.services.audit.actors import Actor
from dcrserver.strict_json import JsonObject, dumps

# Of an export: a few milliseconds of the event loop, in which nobody else is served.
_BATCH = 200
# An event is written with what it tells of, which may take a while, and clocks differ: whoever goes
# on after the last event that was there would miss those that came to lie before it.
SETTLED_SECONDS = 10
_PREFIX_END = "."


def types_in(given: Sequence[str]) -> tuple[str, ...]:
    """The types that are named, by themselves or by their beginning up to a dot (``client.``).

    Raises:
        InvalidInput: there is none of that name.
    """
    made: dict[str, None] = {}
    for text in given:
        is_prefix = text.endswith(_PREFIX_END)
        known = [each.word for each in EventType]
        found = [name for name in known if name == text or (is_prefix and name.startswith(text))]
        if not found:
            told = f"type must be one of {', '.join(known)}, or the beginning of some with its dot"
            raise InvalidInput(told, parameter="type")
        made |= dict.fromkeys(found)
    return tuple(made)


class EventReadingService:
    """Use case: what happened, for those who may know of all that is a tenant's, or of all."""

    def __init__(self, lists: Lists) -> None:
        self._lists = lists

    async def events(
        self,
        tenant: str | None,
        wanted: EventFilter,
        order: Order,
        after: Place | None,
        limit: int,
        actor: Actor,
    ) -> list[JsonObject]:
        """A page of the events of ``tenant``, or of all tenants.

        Raises:
            Forbidden: ``actor`` must not know of them.
            InvalidInput: ``after`` is no place in this order.
            Unavailable: the database does not answer, or there is too much to look through.
        """
        _check(actor, tenant)
        place = None if after is None else order.place_in(after)
        found = await self._lists.events.page(tenant, wanted, order, place, limit=limit)
        return await self._told(found)

    async def about(
        self,
        tenant: str,
        subject: Subject,
        after: Place | None,
        limit: int,
        since: int | None = None,
    ) -> list[JsonObject]:
        """A page of what happened to one thing, newest first, for whoever may see that thing.

        ``since``: seconds since 1970; what was called so before is none of their business.

        Raises:
            InvalidInput: ``after`` is no place in this list.
        """
        kind = subject.kind.word
        wanted = EventFilter(subject_kind=kind, subject_id=subject.id, since=since)
        place = None if after is None else NEWEST.place_in(after)
        found = await self._lists.events.page(tenant, wanted, NEWEST, place, limit=limit)
        return await self._told(found)

    async def exported(
        self, tenant: str | None, wanted: EventFilter, after: str | None, actor: Actor
    ) -> AsyncIterator[str]:
        """All as JSON lines, oldest first, some at a time; those that come after the id ``after``.

        Unless ``wanted`` says until when, what is younger than ``SETTLED_SECONDS`` is left for the
        next time.

        Raises:
            Forbidden, Unavailable: as ``events``.
        """
        _check(actor, tenant)
        if wanted.until is None:
            wanted = replace(wanted, until=int(time.time()) - SETTLED_SECONDS)
        place: Place | None = None if after is None else (after,)
        while found := await self._lists.events.page(tenant, wanted, OLDEST, place, limit=_BATCH):
            yield "".join([f"{dumps(each)}\n" for each in await self._told(found)])
            place = OLDEST.place_of(found[-1])

    async def _told(self, found: Sequence[EventRecord]) -> list[JsonObject]:
        labels = await self._lists.events.labels(found)
        return [_told(each, labels.get(each.actor_id or "")) for each in found]


def order_of(*, oldest_first: bool) -> Order:
    """How events are sorted."""
    return OLDEST if oldest_first else NEWEST


def place_of(event: JsonObject) -> Place:
    """Where a list goes on after ``event``."""
    return (event["id"],)


def _check(actor: Actor, tenant: str | None) -> None:
    """An owner's clients have a history each; whatever else happens is none of an owner's."""
    if actor.owner is not None:
        raise Forbidden("whoever owns clients sees the history of each, and not the audit trail")
    if actor.tenant is not None and actor.tenant != tenant:
        raise Forbidden("only administrators of all tenants see the events of all")


def _told(event: EventRecord, label: str | None) -> JsonObject:
    """``label``: of the token that did it."""
    made = {"id": event.id, "tenant": event.tenant, **described(event)}
    return made | {"actor": {"kind": event.actor_kind, "id": event.actor_id, "name": label}}
