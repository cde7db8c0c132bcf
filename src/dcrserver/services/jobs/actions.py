"""What can be done to many clients at once, as data: a row for each action."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from dcrserver.errors import InvalidClientMetadata
from dcrserver.metadata.comparing import listed
from dcrserver.names import ClientStatus
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.audit import EventType
from dcrserver.services.jobs.refusals import Refusals, no_room, none, not_as_held
from dcrserver.services.registration.decisions import (
    APPROVED,
    Decision,
    reason_problem,
    rejected,
)
from dcrserver.services.registration.facts import facts_in
from dcrserver.strict_json import JsonObject

# None: it is so already.
_Change: TypeAlias = Callable[[ClientRecord, str | None], "ClientRecord | None"]


@dataclass(frozen=True, slots=True)
class Action:
    """Something that is done to a client; ``change`` None: the client is deleted.

    ``scope``: what whoever has it done needs. ``value``: the member of the request that says more,
    if there is one. ``refusals``: to whom it is not done. ``decision``: of those that wait for an
    approval, which the value is the reason of.
    """

    scope: str
    event: EventType
    change: _Change | None
    value: str | None = None
    is_for_owners: bool = True
    refusals: Refusals = none
    decision: Callable[[str | None], Decision] | None = None


def _suspended(record: ClientRecord, _: str | None) -> ClientRecord | None:
    now = int(time.time())
    return None if record.suspended_at else record._replace(suspended_at=now, tokens_ended_at=now)


def _resumed(record: ClientRecord, _: str | None) -> ClientRecord | None:
    is_suspended = record.status == ClientStatus.SUSPENDED
    return record._replace(suspended_at=0) if is_suspended else None


def _tagged(record: ClientRecord, tag: str | None) -> ClientRecord | None:
    """
    Raises:
        InvalidClientMetadata: it has too many already.
    """
    tags = (record.tags or "").split()
    if tag is None or tag in tags:
        return None
    facts_in({"tags": [*tags, tag]})
    return record._replace(tags=listed([*tags, tag]))


def _untagged(record: ClientRecord, tag: str | None) -> ClientRecord | None:
    tags = (record.tags or "").split()
    if tag not in tags:
        return None
    left = [each for each in tags if each != tag]
    return record._replace(tags=listed(left) if left else None)


def _owned(record: ClientRecord, owner: str | None) -> ClientRecord | None:
    owner = owner or None  # no name is nobody's, as in any other request
    return None if record.owner == owner else record._replace(owner=owner)


def _waiting(record: ClientRecord, _: str | None) -> ClientRecord | None:
    return record if record.status == ClientStatus.PENDING else None


def _approved(_: str | None) -> Decision:
    return APPROVED


_APPROVE = "clients:approve"
_UPDATE, _UPDATED = "clients:update", EventType.CLIENT_UPDATED
ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        "suspend": Action(_UPDATE, EventType.CLIENT_SUSPENDED, _suspended),
        "resume": Action(_UPDATE, EventType.CLIENT_RESUMED, _resumed, is_for_owners=False),
        "delete": Action("clients:delete", EventType.CLIENT_DELETED, None),
        "tag": Action(_UPDATE, _UPDATED, _tagged, "tag"),
        "untag": Action(_UPDATE, _UPDATED, _untagged, "tag"),
        "set_owner": Action(
            _UPDATE, _UPDATED, _owned, "owner", is_for_owners=False, refusals=no_room
        ),
        "approve": Action(
            _APPROVE,
            EventType.CLIENT_APPROVED,
            _waiting,
            is_for_owners=False,
            refusals=not_as_held,
            decision=_approved,
        ),
        "reject": Action(
            _APPROVE,
            EventType.CLIENT_REJECTED,
            _waiting,
            "reason",
            is_for_owners=False,
            decision=rejected,
        ),
    }
)


def reason_against(action: Action, value: str | None) -> str | None:
    """Why ``value`` cannot be what the action sets; None: it can."""
    if action.value in {"tag", "reason"} and value is None:
        return "is missing"
    if action.value is None or value is None:
        return None
    if action.value == "reason":
        return reason_problem(value)
    member: JsonObject = {"tags": [value]} if action.value == "tag" else {"owner": value}
    try:
        facts_in(member)
    except InvalidClientMetadata as error:
        return error.description
    return None
