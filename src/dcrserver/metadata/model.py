"""The words in which metadata is described and judged: Parameter, Kind, Terms, Draft, Issue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from dcrserver.errors import InvalidClientMetadata, RegistrationError
from dcrserver.metadata.capabilities import ServerCapabilities
from dcrserver.metadata.policy import Policy
from dcrserver.strict_json import JsonObject, JsonValue


class Unacceptable(ValueError):
    """A value is not acceptable; the message completes "`name` ..." in ASCII."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a submission is judged by.

    ``allowed_hosts``: operator's exceptions (``host:port``) from the address filter.
    ``readable_secrets``: a key is configured, so a client_secret can be kept readable.
    """

    policy: Policy = field(default_factory=Policy)
    server: ServerCapabilities = field(default_factory=lambda: ServerCapabilities({}))
    allowed_hosts: frozenset[str] = frozenset()
    readable_secrets: bool = False


Check = Callable[[JsonValue, Terms, "Parameter"], JsonValue]


@dataclass(frozen=True, slots=True)
class Kind:
    """The shape of one value.

    ``check`` returns the value to register or raises ``Unacceptable``; ``schema`` is the same
    shape as JSON Schema, for OpenAPI. ``empty_is_omitted``: an empty list or text is a wish to
    leave the member out (RFC 7592 2.2, POL-08).
    """

    name: str
    check: Check
    schema: JsonObject
    empty_is_omitted: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A client metadata parameter: everything the project knows about it.

    ``default`` is filled in where the client sent nothing. ``bounded_by`` names the server
    metadata list that a value must come from. ``fetched``: somebody may read what is there, we or
    the authorization server. ``error`` is the class for a bad value.
    """

    name: str
    kind: Kind
    specification: str
    description: str
    default: JsonValue = None
    bounded_by: str | None = None
    localizable: bool = False
    fetched: bool = False
    error: type[RegistrationError] = InvalidClientMetadata
    example: JsonValue = None


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong with a submission; ``reason`` completes "`member` ..."."""

    member: str
    reason: str
    specification: str
    error: type[RegistrationError] = InvalidClientMetadata

    @property
    def text(self) -> str:
        return f"{self.member} {self.reason}"


# What a rule finds: a member, and a reason that completes "`member` ...".
Finding: TypeAlias = tuple[str, str]


class _Readable:
    """Members by name and shape; what is absent or of another shape reads as empty."""

    __slots__ = ()
    members: Mapping[str, JsonValue]

    def has(self, name: str) -> bool:
        return name in self.members

    def text(self, name: str) -> str:
        value = self.members.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        value = self.members.get(name)
        items = value if isinstance(value, list) else []
        return [item for item in items if isinstance(item, str)]


@dataclass(slots=True)
class Draft(_Readable):
    """A submission on its way: the members judged good so far, and those that failed."""

    members: dict[str, JsonValue]
    failed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Rule:
    """A cross-field rule: one function and the members it speaks of.

    A rule is not asked when one of ``uses`` has failed by itself, so that one bad member never
    changes the verdict on another.
    """

    id: str
    specification: str
    uses: frozenset[str]
    check: Callable[[Draft, Terms], Iterable[Finding]]
    error: type[RegistrationError] = InvalidClientMetadata

    def issues(self, draft: Draft, terms: Terms) -> Iterator[Issue]:
        if not self.uses & draft.failed:
            for member, reason in self.check(draft, terms):
                yield Issue(member, reason, self.specification, self.error)


@dataclass(frozen=True, slots=True)
class ClientMetadata(_Readable):
    """A validated registration: the members as they are stored and echoed."""

    members: Mapping[str, JsonValue]

    @property
    def auth_method(self) -> str:
        return self.text("token_endpoint_auth_method")
