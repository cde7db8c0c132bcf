"""Step: what an administrator chooses for a client beside its metadata, read and judged."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from dcrserver import security
from dcrserver.errors import BadChoice, InvalidInput
from dcrserver.metadata.text import hostile_character
from dcrserver.repositories.queries.clients.filters import moment_in
from dcrserver.strict_json import JsonObject, JsonValue

_Check: TypeAlias = Callable[[JsonValue], "str | None"]

# Unreserved characters of URIs (RFC 3986 2.3), so that no path or form has to escape them.
_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_DOT_SEGMENTS = frozenset({".", ".."})
# What stands beside clients in the paths of the administrators' API.
BESIDE_CLIENTS = frozenset({"bulk", "count", "export", "import"})
# RFC 6749 A.2, less the space.
_SECRET = re.compile(r"[!-~]{20,512}")
_MAX_OWNER = 255
_MAX_TAGS = 32
_MAX_TAGS_LENGTH = 500
_MAX_POLICY = 64
_MAX_TIME = 2**53 - 1
_ENDS = "expires_at"


class ClientFacts(NamedTuple):
    """None: not chosen. ``client_secret_expires_at``, ``expires_at``: seconds since 1970, 0 for
    never; the latter of the client itself.

    ``template``: the client_id of a client whose metadata count where nothing was sent.
    ``cleared``: names of those that are to be nothing, whatever they were.
    ``policy_version``: the active one, by which the client is judged from now on.
    ``policy_override``: what the statements of its policy say of this write does not count.
    """

    client_id: str | None = None
    client_secret: str | None = None
    client_secret_expires_at: int | None = None
    owner: str | None = None
    tags: tuple[str, ...] | None = None
    expires_at: int | None = None
    policy: str | None = None
    policy_version: int | None = None
    template: str | None = None
    policy_override: bool | None = None
    cleared: frozenset[str] = frozenset()


class Wrong(NamedTuple):
    """What is wrong with a fact; ``reason`` completes "`member` ..."."""

    member: str
    reason: str

    @property
    def text(self) -> str:
        return f"{self.member} {self.reason}"


def refusal(*wrong: Wrong) -> BadChoice:
    """The error that tells all of ``wrong``, each with its member."""
    return BadChoice("; ".join(each.text for each in wrong), mistakes=wrong)


NO_FACTS = ClientFacts()


def facts_in(members: JsonObject) -> tuple[JsonObject, ClientFacts]:
    """The metadata of an administrator's submission, and the facts that stand beside them.

    Raises:
        BadChoice: with all that is wrong with the facts.
    """
    return _split(members, _CHECKS)


def facts_in_update(members: JsonObject) -> tuple[JsonObject, ClientFacts]:
    """As ``facts_in``, less those that a client is born with.

    Raises:
        BadChoice: with all that is wrong with the facts.
    """
    return _split(members, {name: _CHECKS[name] for name in _CHECKS if name not in _OF_BIRTH})


def cleared(members: JsonObject) -> frozenset[str]:
    """Names of the facts that ``members`` name as nothing."""
    return frozenset(name for name in NAMES & members.keys() if not _is_given(members[name]))


def _split(members: JsonObject, checks: Mapping[str, _Check]) -> tuple[JsonObject, ClientFacts]:
    metadata = {name: value for name, value in members.items() if name not in checks}
    given = {name: members[name] for name in checks if _is_given(members.get(name))}
    if wrong := [*_wrong(given)]:
        raise refusal(*wrong)
    if _ENDS in given:
        given[_ENDS] = _moment_in(given[_ENDS])
    facts = ClientFacts(**given)  # type: ignore[arg-type]
    return metadata, facts._replace(tags=tuple(facts.tags) if facts.tags else None)


def _is_given(value: JsonValue) -> bool:
    return value is not None and value != ""


def _wrong(given: Mapping[str, JsonValue]) -> Iterator[Wrong]:
    for name, value in given.items():
        reason = _CHECKS[name](value)
        if reason:
            yield Wrong(name, reason)


def _client_id(value: JsonValue) -> str | None:
    if not isinstance(value, str) or not _CLIENT_ID.fullmatch(value) or value in _DOT_SEGMENTS:
        return "must be 1 to 128 letters, digits, or any of . _ ~ -"
    return "is a word of the administrators' API" if value in BESIDE_CLIENTS else None


def _client_secret(value: JsonValue) -> str | None:
    """It is kept by a fast digest, as ours are, so that nobody may be able to guess it."""
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        return "must be 20 to 512 printable ASCII characters without spaces"
    return None if security.looks_generated(value) else "is too easily guessed; let one be made"


def _expiry(value: JsonValue) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_TIME:
        return "must be a moment in seconds since 1970, or 0 for never"
    return "is in the past" if 0 < value <= time.time() else None


def _moment(value: JsonValue) -> str | None:
    """Also as text, as the administrators' API tells it."""
    try:
        seconds = _moment_in(value)
    except InvalidInput:
        seconds = None
    is_moment = seconds is not None and 0 <= seconds <= _MAX_TIME
    return None if is_moment else "must be a moment, such as 2026-01-31T00:00:00Z, or 0 for never"


def _moment_in(value: JsonValue) -> int | None:
    if isinstance(value, str):
        return moment_in(value, _ENDS)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(longest: int) -> Callable[[JsonValue], str | None]:
    def check(value: JsonValue) -> str | None:
        good = isinstance(value, str) and value.isprintable() and len(value) <= longest
        good = good and not hostile_character(str(value))
        return None if good else f"must be printable, of at most {longest} characters"

    return check


def _version(value: JsonValue) -> str | None:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MAX_TIME
    return None if is_number else "must be the number of a version"


def _boolean(value: JsonValue) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _tags(value: JsonValue) -> str | None:
    tags = value if isinstance(value, list) else [None]
    words = [tag for tag in tags if isinstance(tag, str) and _is_word(tag)]
    if len(words) < len(tags) or len(tags) > _MAX_TAGS or len("  ".join(words)) > _MAX_TAGS_LENGTH:
        return f"must be an array of at most {_MAX_TAGS} words, together of {_MAX_TAGS_LENGTH}"
    return None


def _is_word(text: str) -> bool:
    return bool(text) and text.isprintable() and " " not in text and not hostile_character(text)


_OF_BIRTH = frozenset({"client_id", "client_secret", "client_secret_expires_at"})
_CHECKS: Mapping[str, _Check] = {
    "client_id": _client_id,
    "client_secret": _client_secret,
    "client_secret_expires_at": _expiry,
    "owner": _text(_MAX_OWNER),
    "tags": _tags,
    _ENDS: _moment,
    "policy": _text(_MAX_POLICY),
    "policy_version": _version,
    "template": _text(512),
    "policy_override": _boolean,
}
# Of those that stand beside the metadata.
NAMES = frozenset(_CHECKS)
