"""What statements do to a registration on its way: each effect is a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from dcrserver.policies.statements.conditions import comparable, elements, named_by
from dcrserver.policies.statements.grammar import FACTS, Counted, Statement
from dcrserver.policies.statements.lifetimes import CLIENT, GIVEN
from dcrserver.strict_json import JsonValue, dumps

_REDIRECTS = "redirect_uris"


# Values that a refusal names, and its characters.
_MAX_SHOWN = 20
_LONGEST = 400


class Refusal(NamedTuple):
    """Why a registration is refused: the statement, the error code, and the text for the caller;
    the member that is at fault, and the key that holds the rule.
    """

    statement: str
    error: str
    description: str
    member: str = "policy"
    key: str = "policy.statements"


class Change(NamedTuple):
    """A member that became another by a statement; None where it was or is not there."""

    statement: str
    member: str
    before: JsonValue
    after: JsonValue


class Quota(NamedTuple):
    """So many clients at most that are alike by something, as the statement says."""

    statement: str
    by: Counted
    clients: int


QUOTA_REACHED = "access_denied"
_NOUNS = {
    "tenant": "of this issuer",
    "origin": "that came to be this way",
    "owner": "of this owner",
    "software_id": "of this software",
}


def told_of_quota(by: str, clients: int) -> str:
    """Why there may be no more."""
    return f"there are {clients} clients {_NOUNS[by]} already, and may be no more"


MadeOf: TypeAlias = Callable[[Mapping[str, JsonValue]], Mapping[str, JsonValue] | None]


def as_it_is(_: Mapping[str, JsonValue]) -> None:
    """Nobody knows."""


@dataclass(slots=True)
class Draft:
    """A registration on its way through the statements.

    ``sent``: what was asked for, which is to be validated again; ``members``: what came of it.
    ``made_of``: what would come of something else; None where that is not acceptable.
    """

    sent: dict[str, JsonValue]
    members: dict[str, JsonValue]
    changes: list[Change] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    held_by: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    expiries: dict[str, int] = field(default_factory=dict)
    noted_by: list[str] = field(default_factory=list)
    quotas: list[Quota] = field(default_factory=list)
    counts: Mapping[str, int] = field(default_factory=dict)
    made_of: MadeOf = as_it_is

    def put(self, statement: Statement, member: str, value: JsonValue) -> None:
        """The member is asked for as ``value`` from now on; None: it is not asked for."""
        if member in self.sent and _equal(member, self.sent[member], value):
            return
        before = self.members.get(member)
        for members in (self.sent, self.members):
            if value is None:
                members.pop(member, None)
            else:
                members[member] = value
        if not _equal(member, before, value):
            self.changes.append(Change(statement.name, member, before, value))

    def comes_of(self, member: str, value: JsonValue) -> JsonValue:
        """What is registered where ``value`` is asked for: less, if not all of it is served."""
        made = self.made_of({**self.sent, member: value})
        return value if made is None else made.get(member)

    def refuse(self, statement: Statement, error: str, description: str) -> None:
        """The registration cannot be as it is."""
        self.refusals.append(Refusal(statement.name, error, description))


def _equal(member: str, one: JsonValue, other: JsonValue) -> bool:
    return _once(member, one) == _once(member, other)


def _once(member: str, value: JsonValue) -> object:
    """A list, or the words of a scope, as it is stored: without what stands in it already."""
    if value is None:
        return None
    return isinstance(value, list), [*dict.fromkeys(map(comparable, elements(member, value)))]


Apply: TypeAlias = Callable[[Statement, Draft], None]


def _reject(statement: Statement, draft: Draft) -> None:
    reject = statement.then.reject
    assert reject is not None  # noqa: S101 - by the kind of the effect
    draft.refuse(statement, reject.error, reject.description)


def _default(statement: Statement, draft: Draft) -> None:
    for member, value in (statement.then.default or {}).items():
        if member not in draft.sent:
            draft.put(statement, member, value)


def _force(statement: Statement, draft: Draft) -> None:
    for member, value in statement.then.forced.items():
        given = draft.sent.get(member, value)
        is_other = not statement.then.corrects and not _equal(member, given, value)
        if is_other and not _equal(member, given, draft.comes_of(member, value)):
            draft.refuse(statement, _code(member), _harmless(f"{member} must be {dumps(value)}"))
        elif not is_other:
            draft.put(statement, member, value)


def _remove(statement: Statement, draft: Draft) -> None:
    for member in statement.then.remove or ():
        if not statement.then.corrects and member in draft.members:
            draft.refuse(statement, _code(member), f"{member} must not be there")
        elif member in draft.sent:
            draft.put(statement, member, None)


def _require(statement: Statement, draft: Draft) -> None:
    for member in statement.then.require or ():
        if member not in draft.members:
            draft.refuse(statement, _code(member), f"{member} is required here")


def _restrict(statement: Statement, draft: Draft) -> None:
    then = statement.then
    for key, is_allowed in then.allows.items():
        member = named_by(key)
        value = draft.members.get(member)
        if value is None:
            continue
        given = elements(member, value)
        kept = [each for each in given if is_allowed(each)]
        if len(kept) == len(given):
            continue
        allowed = (then.restrict or {})[key]
        made = _corrected(key, value, kept, allowed) if then.corrects else None
        if made is None:
            draft.refuse(statement, _code(member), _not_allowed(key, allowed))
        else:
            draft.put(statement, member, made)


def _corrected(
    key: str, value: JsonValue, kept: list[JsonValue], allowed: Sequence[Any]
) -> JsonValue:
    """What is left of a list, or the first value that is allowed; None where that is nothing."""
    if isinstance(value, list):
        return kept or None
    if key == "scope":
        return " ".join(map(str, kept)) or None
    made: JsonValue = None if named_by(key) != key else allowed[0]
    return made


def _not_allowed(key: str, allowed: Sequence[Any]) -> str:
    more = ", ..." if len(allowed) > _MAX_SHOWN else ""
    return _harmless(f"{key} must be of {', '.join(map(str, allowed[:_MAX_SHOWN]))}{more}")


def _harmless(told: str) -> str:
    """As descriptions of errors may be (RFC 6749 5.2)."""
    harmless = "".join(each if each.isascii() and each.isprintable() else "?" for each in told)
    return harmless.replace('"', "'").replace("\\", "/")[:_LONGEST]


def _code(member: str) -> str:
    return "invalid_redirect_uri" if member == _REDIRECTS else "invalid_client_metadata"


def _expire(statement: Statement, draft: Draft) -> None:
    """Nothing lives longer than it did before; what has no end gets one."""
    for member, seconds in statement.then.lives.items():
        held = draft.members.get(member)
        if not isinstance(held, int) or held > seconds:
            draft.put(statement, member, seconds)
    for name in (*GIVEN, CLIENT):
        seconds = getattr(statement.then.expire, name)
        if seconds is not None:
            draft.expiries[name] = min(seconds, draft.expiries.get(name, seconds))
            draft.noted_by.append(statement.name)


def _hold(statement: Statement, draft: Draft) -> None:
    draft.held_by.append(statement.name)


def _limit(statement: Statement, draft: Draft) -> None:
    """Only whoever writes the client can count so that nobody comes in between; what was counted
    before is for those who ask what would happen.
    """
    limit = statement.then.limit
    assert limit is not None  # noqa: S101 - by the kind of the effect
    draft.quotas.append(Quota(statement.name, limit.by, limit.clients))
    if draft.counts.get(limit.by, -1) >= limit.clients:
        draft.refuse(statement, QUOTA_REACHED, told_of_quota(limit.by, limit.clients))


def _tag(statement: Statement, draft: Draft) -> None:
    draft.tags.extend(tag for tag in statement.then.tag or () if tag not in draft.tags)
    draft.noted_by.append(statement.name)


# Key of ``then`` -> what it does.
APPLY: Mapping[str, Apply] = MappingProxyType(
    {
        "reject": _reject,
        "default": _default,
        "force": _force,
        "restrict": _restrict,
        "remove": _remove,
        "require": _require,
        **dict.fromkeys(FACTS, _force),
        "expire": _expire,
        "hold": _hold,
        "limit": _limit,
        "tag": _tag,
    }
)
