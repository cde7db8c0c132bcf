"""Filters of clients, as data: the condition of each name of ``client_filters``.

What a filter looks for is made by the functions that made what is stored (``metadata.facets``).
Those of facets are asked of ``client_facets``, which is small, the others of the clients.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, and_, exists, literal_column, not_, or_, select

from dcrserver.client_filters import FILTERS, FilterName
from dcrserver.db.tables import client_facets, client_links, clients, last_uses
from dcrserver.errors import InvalidInput
from dcrserver.metadata.comparing import exact, host_of, name_key, words_of
from dcrserver.names import ClientStatus
from dcrserver.repositories.queries.clients.members import member_is

Condition: TypeAlias = ColumnElement[bool]
_Make: TypeAlias = Callable[[Any], Condition]

MEMBER, TAG = "metadata.", "tag"
_MEMBER_NAME = re.compile(r"[A-Za-z0-9_.#:-]{1,128}")
_MAX_LENGTH = 512
_MAX_MEMBERS = 8
# Written out: an index of few rows is only found for its own condition.
_NEVER: ColumnElement[int] = literal_column("0")
_F, _C = client_facets.c, clients.c


def _is(column: ColumnElement[Any], value: Callable[[str], str] = exact) -> _Make:
    return lambda text: column == value(text)


def _lists(column: ColumnElement[Any], value: Callable[[str], str] = str) -> _Make:
    """Of a column that holds values behind spaces."""
    return lambda text: and_(
        column.is_not(None), column.contains(f" {value(text)} ", autoescape=True)
    )


def _words(text: str) -> Condition:
    """Each is a word of the name, or the beginning of one."""
    found = words_of(text)
    return and_(*(_F.name_key.contains(f" {word}", autoescape=True) for word in found))


def _host(text: str) -> str:
    return host_of(f"https://{text}") or host_of(f"https://[{text}]") or text


def has_ended() -> Condition:
    """The time of the client is over by now."""
    return and_(_C.expires_at > _NEVER, _C.expires_at <= int(time.time()))


def _status(text: str) -> Condition:
    if text == ClientStatus.ACTIVE:
        ends_never = or_(_C.expires_at.is_(None), _C.expires_at == _NEVER)
        return and_(_C.suspended_at == _NEVER, or_(ends_never, _C.expires_at > int(time.time())))
    is_so = _C.approval.is_(None) if text == ClientStatus.SUSPENDED else _C.approval == text
    suspended = and_(_C.suspended_at > _NEVER, is_so)
    if text == ClientStatus.EXPIRED:
        return or_(suspended, and_(_C.suspended_at == _NEVER, has_ended()))
    return suspended


def _since(column: ColumnElement[int]) -> _Make:
    return lambda moment: column >= moment


def _before(column: ColumnElement[int]) -> _Make:
    return lambda moment: column < moment


def _ends(column: ColumnElement[Any], condition: Callable[[ColumnElement[Any]], _Make]) -> _Make:
    made = condition(column)
    return lambda moment: and_(column > _NEVER, made(moment))


def _used_since(moment: int) -> Condition:
    uses = last_uses.alias("uses")
    return exists(
        select(literal_column("1")).where(
            uses.c.tenant == _C.tenant,
            uses.c.client_id == _C.client_id,
            uses.c.used_at >= moment,
        )
    )


def _is_linked(state: str) -> Condition:
    links = client_links.alias("links")
    return exists(
        select(literal_column("1")).where(
            links.c.tenant == _C.tenant, links.c.client_id == _C.client_id, links.c.state == state
        )
    )


# Name of a filter -> what holds of a client that it means. Asked of ``client_facets``.
FACET_FILTERS: Mapping[str, _Make] = MappingProxyType(
    {
        "q": _words,
        "name": _is(_F.name_key, name_key),
        "origin": _is(_F.origin),
        "software_id": _is(_F.software_id),
        "software_version": _is(_F.software_version),
        "method": _is(_F.auth_method),
        "grant": _lists(_F.grant_types),
        "redirect_host": _lists(_F.redirect_hosts, _host),
        "application_type": _is(_F.application_type),
        "policy": _is(_F.policy),
    }
)
# Asked of the clients themselves.
CLIENT_FILTERS: Mapping[str, _Make] = MappingProxyType(
    {
        "status": _status,
        "owner": _is(_C.owner, str),
        TAG: _lists(_C.tags),
        "created_after": _since(_C.issued_at),
        "created_before": _before(_C.issued_at),
        "updated_after": _since(_C.updated_at),
        "updated_before": _before(_C.updated_at),
        "last_used_after": _used_since,
        "last_used_before": lambda moment: not_(_used_since(moment)),
        "secret_expires_after": _ends(_C.secret_expires_at, _since),
        "secret_expires_before": _ends(_C.secret_expires_at, _before),
        "expires_after": _ends(_C.expires_at, _since),
        "expires_before": _ends(_C.expires_at, _before),
        "link_state": _is_linked,
    }
)
# Asked of what they registered.
DOCUMENT_FILTERS: Mapping[str, _Make] = MappingProxyType(
    {"contains": lambda text: _C.metadata.icontains(text, autoescape=True)}
)
# Other names of the same, as RFC 7591 and the answers have them.
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "client_name": "name",
        "token_endpoint_auth_method": "method",
        "grant_types": "grant",
        "grant_type": "grant",
        "tags": "tag",
    }
)
_MAKE: Mapping[str, _Make] = {**FACET_FILTERS, **CLIENT_FILTERS}
# Filters that are exact about what a member says: they narrow a search for the member, too.
_NARROWING: Mapping[str, str] = MappingProxyType(
    {
        "name_key": "name",
        "software_id": "software_id",
        "software_version": "software_version",
        "auth_method": "method",
        "application_type": "application_type",
    }
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which clients are meant: those for which everything holds.

    ``values``: name of a filter -> text, or seconds since 1970. ``members``: name of a member of
    the metadata -> what it is, or one of what it lists.
    """

    values: Mapping[str, str | int] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, given: Iterable[tuple[str, str]]) -> Filter:
        """Of names and texts as a query has them; ``metadata.NAME`` is about a member.

        Raises:
            InvalidInput: there is no such filter, or it cannot have that value.
        """
        values: dict[str, str | int] = {}
        members: dict[str, str] = {}
        for asked, text in given:
            name = ALIASES.get(asked, asked)
            _check(name, text, {*values, *(f"{MEMBER}{each}" for each in members)})
            if name.startswith(MEMBER):
                members[_member_name(name)] = text
            else:
                values[name] = _value(FILTERS.get(name), name, text)
        if len(members) > _MAX_MEMBERS:
            raise InvalidInput(f"at most {_MAX_MEMBERS} members can be asked for", parameter=MEMBER)
        return cls(values, members)

    def known(self, declared: Collection[str]) -> Filter:
        """The same, as somebody asks for it; ``declared``: members of the operator's own, by name.

        Raises:
            InvalidInput: it asks for a member that there is not, and would find nothing.
        """
        if not self.members:
            return self
        from dcrserver.metadata.catalogue import PARAMETERS, VERIFIED

        there_are = {*PARAMETERS, *VERIFIED, *declared}
        for name in self.members:
            if name.partition("#")[0] not in there_are:
                close = get_close_matches(name, sorted(there_are), 1)
                meant = f"; did you mean {MEMBER}{close[0]}?" if close else ""
                told = f"there is no member of that name: {name}{meant}"
                raise InvalidInput(told, parameter=f"{MEMBER}{name}")
        return self

    def about_facets(self) -> list[Condition]:
        """What holds for their row of ``client_facets``."""
        made = [
            FACET_FILTERS[name](value)
            for name, value in self.values.items()
            if name in FACET_FILTERS
        ]
        if not self.members:
            return made
        from dcrserver.metadata.catalogue import PARAMETERS

        for name, text in self.members.items():
            row = PARAMETERS.get(name)
            narrowing = _NARROWING.get(row.facet or "") if row else None
            if narrowing is not None:
                made.append(_MAKE[narrowing](text))
        return made

    def about_clients(self) -> list[Condition]:
        """What else holds for their own row."""
        return [
            CLIENT_FILTERS[name](value)
            for name, value in self.values.items()
            if name in CLIENT_FILTERS
        ]

    def about_documents(self, dialect: str) -> list[Condition]:
        """What holds for what they registered: each is read for it, as no index tells."""
        made = [
            DOCUMENT_FILTERS[name](value)
            for name, value in self.values.items()
            if name in DOCUMENT_FILTERS
        ]
        return made + [member_is(dialect, name, text) for name, text in self.members.items()]

    def of_owner(self, owner: str | None) -> Filter:
        """Those of them that belong to ``owner``; None: all."""
        if owner is None:
            return self
        if self.values.get("owner", owner) != owner:
            return Filter({"owner": owner, "created_before": 0})
        return Filter({**self.values, "owner": owner}, self.members)


ALL = Filter()


def _check(name: str, text: str, seen: set[str]) -> None:
    shown = name[:64]
    if name in seen:
        raise InvalidInput(f"{shown} must be there once", parameter=shown)
    if not text or len(text) > _MAX_LENGTH or "\0" in text:
        reason = f"must be a text of 1 to {_MAX_LENGTH} characters"
        raise InvalidInput(f"{shown} {reason}", parameter=shown)


def _member_name(name: str) -> str:
    member = name.removeprefix(MEMBER)
    if not _MEMBER_NAME.fullmatch(member):
        raise InvalidInput("there is no member of that name", parameter=name[:64])
    return member


def _value(row: FilterName | None, name: str, text: str) -> str | int:
    if row is None:
        raise InvalidInput(f"there is no such filter: {name[:64]}", parameter=name[:64])
    if row.is_time:
        return moment_in(text, name)
    if row.values and text not in row.values:
        raise InvalidInput(f"{name} must be one of: {', '.join(row.values)}", parameter=name)
    return text


def moment_in(text: str, name: str) -> int:
    """Seconds since 1970 of a moment: ISO 8601, of UTC unless it says otherwise, or such seconds.

    Raises:
        InvalidInput: it is none.
    """
    if text.isascii() and text.isdigit():
        return min(int(text[:12]), 2**40)
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0, int(moment.timestamp()))
    except (ValueError, OverflowError):
        reason = "must be a moment, such as 2026-01-31T00:00:00Z"
        raise InvalidInput(f"{name} {reason}", parameter=name) from None
