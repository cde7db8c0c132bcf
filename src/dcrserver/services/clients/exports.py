"""Use case: the clients of a tenant leave for another server, or for a copy to keep."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from operator import attrgetter

from dcrserver.errors import InvalidInput
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients.filters import ALL, Filter
from dcrserver.repositories.queries.clients.sorts import Sort, SortKey
from dcrserver.repositories.queries.keyset import Place
from dcrserver.services.clients.foreign_credentials import credentials_of
from dcrserver.strict_json import JsonObject, JsonValue, joined

# Whoever comes meanwhile comes at the end, and who is read together was written together.
_OLDEST_FIRST = Sort(SortKey.CREATED, is_descending=False)
# By operators, or by the server that a client came from.
_SET = ("owner", "suspended_at", "tokens_ended_at", "approval")
_set = attrgetter(*_SET)


async def exported_pages(
    lists: Lists,
    tenant: str,
    wanted: Filter = ALL,
    after: str = "",
    after_issued_at: int | None = None,
    *,
    owner: str | None = None,
    credentials: bool = False,
) -> AsyncIterator[str]:
    """The clients of the ``tenant`` that ``wanted`` means as ``client import`` reads them: some
    lines at a time, the oldest first. Whoever was interrupted goes on ``after`` the client_id of
    the last line, with its ``client_id_issued_at`` where the client may be gone for good by now.

    ``owner``: those of this owner only. ``credentials``: with the hashes of secrets and tokens, and
    what encrypted copies there are.

    Raises:
        InvalidInput: ``after_issued_at`` is needed.
    """
    place = await _place(lists, tenant, after, after_issued_at, owner) if after else None
    stream = lists.clients.stream(tenant, wanted, _OLDEST_FIRST, place, owner=owner)
    async for page in stream:
        yield "".join([f"{_line(each.record, credentials=credentials)}\n" for each in page])


async def _place(
    lists: Lists, tenant: str, client_id: str, issued_at: int | None, owner: str | None
) -> Place:
    if issued_at is not None:
        return (issued_at, client_id)
    place = await lists.clients.place_of(tenant, client_id, owner)
    if place is None:
        reason = "there is no such client any more: send after_issued_at, too"
        raise InvalidInput(reason, parameter="after")
    return place


def _line(record: ClientRecord, *, credentials: bool) -> str:
    """What it registered, as it is stored, and what its operators set."""
    made: JsonObject = {"client_id": record.client_id, "client_id_issued_at": record.issued_at}
    made |= {name: value for name, value in zip(_SET, _set(record), strict=True) if value}
    if record.expires_at is not None:
        made["expires_at"] = record.expires_at
    if record.bounds:
        made["bounds"] = json.loads(record.bounds)
    if record.tags:
        made["tags"] = list[JsonValue](record.tags.split())
    if credentials:
        made |= credentials_of(record)
    return joined(made, record.metadata)
