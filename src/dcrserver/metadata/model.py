"""The words in which metadata is described and judged: Parameter, Kind, Terms, Draft, Issue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import wraps
from typing import Any, NamedTuple, TypeAlias, TypeVar

from dcrserver.errors import InvalidClientMetadata, RegistrationError
from dcrserver.metadata.capabilities import ServerCapabilities
from dcrserver.metadata.roles import Role
from dcrserver.policies import Policy
from dcrserver.strict_json import JsonObject, JsonValue


class Unacceptable(ValueError):
    """A value is not acceptable; the message completes "`name` ..." in ASCII."""


# Of an array with many faults, as many as a person can use.
_MAX_TOLD = 10


def check_each(
    values: Iterable[JsonValue], check: Callable[[JsonValue], object], noun: str = "element"
) -> None:
    """Checks every one of ``values``, and tells all that are not acceptable by their position.

    Raises:
        Unacceptable: one of them is not.
    """
    told = []
    for position, value in enumerate(values):
        try:
            check(value)
        except Unacceptable as error:
            told.append(f"{noun} {position} {error}")
    if told:
        more = f" and {len(told) - _MAX_TOLD} more" if len(told) > _MAX_TOLD else ""
        raise Unacceptable(", ".join(told[:_MAX_TOLD]) + more)


class PolicyVersion(NamedTuple):
    """A version of a policy that was made at run time, which says for ever what it said.

    ``tenant``: whose policy it is, ``*`` for one of all. ``number`` counts from 1.
    """

    tenant: str
    name: str
    number: int


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What a submission is judged by; one object for the life of a tenant, hashed by identity.

    ``allowed_hosts``: operator's exceptions (``host:port``) from the address filter.
    ``readable_secrets``: a key is configured, so a client_secret can be kept readable.
    ``members``: rows that the operator declares, beside the catalogue.
    ``administrator``: who asks is one, and may set what the rows keep for administrators.
    ``version``: what whoever registers is bound to for life; None where the active one counts.
    """

    policy: Policy = field(default_factory=Policy)
    server: ServerCapabilities = field(default_factory=lambda: ServerCapabilities({}))
    allowed_hosts: frozenset[str] = frozenset()
    readable_secrets: bool = False
    members: Mapping[str, Parameter] = field(default_factory=dict)
    administrator: bool = False
    version: PolicyVersion | None = None
    # What ``once`` has worked out of these terms, by the function: it lives as long as they do.
    derived: dict[Callable[[Terms], Any], Any] = field(default_factory=dict, init=False, repr=False)


T = TypeVar("T")


def once(work_out: Callable[[Terms], T]) -> Callable[[Terms], T]:
    """``work_out``, asked once for each terms: many tenants do not drive out each other's."""

    @wraps(work_out)
    def known(terms: Terms) -> T:
        found: T | None = terms.derived.get(work_out)
        if found is None:
            found = terms.derived[work_out] = work_out(terms)
        return found

    return known


@once
def for_administrators(terms: Terms) -> Terms:
    """``terms`` as they are for whoever may set everything; no verdict is shared with others."""
    return terms if terms.administrator else replace(terms, administrator=True)


class Who(StrEnum):
    """Who may set a member, or is told of it; everybody: also the client itself."""

    EVERYBODY = "everybody"
    ADMINISTRATOR = "administrator"


Check = Callable[[JsonValue, Terms, "Parameter"], JsonValue]


@dataclass(frozen=True, slots=True)
class Kind:
    """The shape of one value.

    ``check`` returns the value to register or raises ``Unacceptable``; ``schema`` is the same
    shape as JSON Schema, for OpenAPI. ``rule`` is the id of what ``check`` enforces, ``meaning``
    the same for people. ``roles``: a member of this kind has one of these, and its row says which.
    """

    name: str
    check: Check
    schema: JsonObject
    rule: str
    meaning: str
    roles: frozenset[Role] = frozenset()

    @property
    def is_one_name(self) -> bool:
        """Whether the value is one name of a list, such as an algorithm."""
        return self.name in {"choice", "name"}

    def lists(self, value: str) -> bool:
        """Whether ``value`` is one of the names that the specifications allow here."""
        names = self.schema.get("enum")
        return isinstance(names, list) and value in names

    def leaves_out(self, value: JsonValue) -> bool:
        """Whether ``value`` says that the member is not there (RFC 7592 2.2, POL-06, POL-08).

        Null and an empty text say it of every member, ``{}`` where an object is meant, ``[]`` of
        texts and lists but those of which the specification demands an element.
        """
        if value:
            return False
        if value is None or value == "":
            return True
        shape = self.schema["type"]
        if shape == "object":
            return value == {}
        return value == [] and shape in {"string", "array"} and "minItems" not in self.schema


@dataclass(frozen=True, slots=True)
class Parameter:
    """A client metadata parameter: everything the project knows about it.

    ``default`` is filled in where the client sent nothing. Members of server metadata tie the row
    to what the authorization server can do:

    - ``bounded_by``: the list of the server that a value must come from;
    - ``features``: the member is left out unless the server has one of these;
    - ``forced_by``: where the server has this, the member is true, whatever was sent.

    ``role``: what the member is to the rules about several. ``demand``: refuse true, instead of
    leaving it out, when the server cannot enforce it.
    ``chooses``: the member that this list offers values for; the list itself is never registered
    (OpenID Connect RP Metadata Choices 2). ``set_by``: who may set it, unless
    ``policy.extensions.self_service`` opens it; ``read_by``: who is told of it.
    ``fetched``: the value is a URL that we, or the authorization server, may read. ``error``: the
    class of the error for a bad value.
    ``facet``: by what of it clients are found; see ``metadata.facets``.
    """

    name: str
    kind: Kind
    specification: str
    description: str
    role: Role | None = None
    default: JsonValue = None
    bounded_by: str | None = None
    features: tuple[str, ...] = ()
    forced_by: str | None = None
    demand: bool = False
    chooses: str | None = None
    localizable: bool = False
    fetched: bool = False
    error: type[RegistrationError] = InvalidClientMetadata
    example: JsonValue = None
    set_by: Who = Who.EVERYBODY
    read_by: Who = Who.EVERYBODY
    facet: str | None = None

    def __post_init__(self) -> None:
        """A row that forgets its role would be overlooked by rules.

        Raises:
            TypeError: the kind has roles, and the row names none of them.
        """
        if self.kind.roles and self.role not in self.kind.roles:
            possible = " or ".join(f"Role.{role.name}" for role in Role if role in self.kind.roles)
            raise TypeError(f"the row of {self.name} must say its role: {possible}")

    def is_known_to(self, server: ServerCapabilities) -> bool:
        """Whether the server can do what this member is about."""
        return not self.features or server.offers_one_of(self.features)


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong with a submission; ``reason`` completes "`member` ...".

    ``requirement`` is the id of the rule that was broken, ``specification`` where it stands.
    """

    member: str
    reason: str
    requirement: str
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
    """A submission on its way: the members judged good so far, and those that failed.

    ``choices``: the lists of RP Metadata Choices, by the member that they are about.
    """

    members: dict[str, JsonValue]
    failed: set[str] = field(default_factory=set)
    choices: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_public(self) -> bool:
        return self.members.get("token_endpoint_auth_method") == "none"


@dataclass(frozen=True, slots=True)
class Rule:
    """A cross-field rule: one function and the members it speaks of.

    It is not asked when one of ``uses`` has failed by itself, so that one bad member never changes
    the verdict on another; nor, where ``about`` is given, when none of these is there; nor, where
    ``methods`` is given, of a client with another token_endpoint_auth_method.
    ``statement`` is the rule in one sentence.
    """

    id: str
    specification: str
    statement: str
    uses: frozenset[str]
    about: frozenset[str]
    methods: frozenset[str]
    check: Callable[[Draft, Terms], Iterable[Finding]]
    error: type[RegistrationError] = InvalidClientMetadata

    def concerns(self, members: Iterable[str], method: str) -> bool:
        """Whether a client with these members and this method is asked."""
        return (not self.about or not self.about.isdisjoint(members)) and (
            not self.methods or method in self.methods
        )

    def issues(self, draft: Draft, terms: Terms) -> Iterable[Issue]:
        """What the rule finds wrong with a submission; nothing where it does not concern it."""
        concerns = self.concerns(draft.members, draft.text("token_endpoint_auth_method"))
        return self.ask(draft, terms) if concerns else ()

    def ask(self, draft: Draft, terms: Terms) -> Iterable[Issue]:
        """The issues of a client that the rule ``concerns``."""
        if draft.failed and not self.uses.isdisjoint(draft.failed):
            return ()
        return [
            Issue(member, reason, self.id, self.specification, self.error)
            for member, reason in self.check(draft, terms)
        ]


@dataclass(frozen=True, slots=True)
class ClientMetadata(_Readable):
    """A validated registration: the members as they are stored and echoed."""

    members: Mapping[str, JsonValue]

    @property
    def auth_method(self) -> str:
        return self.text("token_endpoint_auth_method")
