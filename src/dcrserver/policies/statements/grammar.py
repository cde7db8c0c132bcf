"""What a statement may say: ``name``, ``when`` all of something holds, ``then`` one effect.

[[policy.statements]]
name = "no-strangers"
when = { origin = "open", "redirect_uris.host" = { not = ["example.com", "*.example.com"] } }
then = { reject = { error = "invalid_redirect_uri", description = "only our own hosts" } }
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from dcrserver.policies.statements.conditions import (
    CONTEXT,
    Circumstances,
    Condition,
    Matcher,
    Members,
    matcher,
    named_by,
    one_of,
)
from dcrserver.policies.statements.values import comparable
from dcrserver.policies.switches.group import Brief, Group
from dcrserver.strict_json import JsonValue

_MEMBER = re.compile(r"[A-Za-z0-9_]{1,128}(?:#[A-Za-z0-9-]{1,64})?")
_CLAIM = re.compile(r"statement\.[!-~]{1,200}")
_HARMLESS = r"^[ !#-\[\]-~]{1,200}$"
_MAX_TAG = 100

ErrorCode = Literal[
    "invalid_redirect_uri",
    "invalid_client_metadata",
    "invalid_software_statement",
    "unapproved_software_statement",
]
Counted = Literal["tenant", "origin", "owner", "software_id"]
Values = Annotated[tuple[Any, ...], Field(min_length=1, max_length=1000)]
MemberNames = Annotated[tuple[str, ...], Field(min_length=1)]
Seconds = Annotated[int, Field(ge=1, le=315_360_000)]
TokenSeconds = Annotated[int, Field(ge=1, le=86_400)]
Tag = Annotated[str, Field(min_length=1, max_length=_MAX_TAG, pattern=r"^[!-~]+$")]


class Reject(Group):
    """How a registration is refused (RFC 7591 3.2.2, RFC 6749 5.2)."""

    error: ErrorCode = Field(default="invalid_client_metadata", description="the error code")
    description: str = Field(
        default="refused by the policy of this server",
        description="for the developer of the client",
    )

    @field_validator("description")
    @classmethod
    def _harmless(cls, value: str) -> str:
        if not re.fullmatch(_HARMLESS, value):
            raise ValueError(
                'must be 1 to 200 printable ASCII characters without " and \\ (RFC 6749 5.2)'
            )
        return value


class Expiries(Brief):
    """How long what a client is given lives at most, in seconds from when it is given; the client
    itself from its registration.
    """

    client: Seconds | None = Field(default=None, description="of the client itself")
    secret: Seconds | None = Field(default=None, description="of its client_secret")
    registration_access_token: Seconds | None = Field(default=None, description="of that token")
    access_token: TokenSeconds | None = Field(default=None, description="of its access tokens")
    refresh_token: Seconds | None = Field(default=None, description="of its refresh tokens")
    id_token: Seconds | None = Field(default=None, description="of its ID Tokens")

    @model_validator(mode="before")
    @classmethod
    def _some(cls, given: object) -> object:
        if given == {}:
            raise ValueError(f"must hold one of {', '.join(cls.model_fields)}")
        return given


class ClientLimit(Brief):
    """How many clients there may be that have the same of something."""

    by: Counted = Field(description="what they have alike")
    clients: int = Field(ge=0, le=1_000_000, strict=True, description="so many at most")


def _each_once(given: object) -> object:
    """As lists are stored: what a registration was made to be is what it is found to be."""
    if not isinstance(given, dict):
        return given
    return {name: _once(name, value) for name, value in given.items()}


def _once(name: str, value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return list({comparable(each): each for each in value}.values())
    if name == "scope" and isinstance(value, str):
        return " ".join(dict.fromkeys(value.split()))
    return value


class Effect(Brief):
    """What a statement does: one of these."""

    reject: Reject | None = None
    default: Annotated[dict[str, Any], BeforeValidator(_each_once)] | None = Field(
        default=None, min_length=1
    )
    force: Annotated[dict[str, Any], BeforeValidator(_each_once)] | None = Field(
        default=None, min_length=1
    )
    restrict: dict[str, Values] | None = Field(default=None, min_length=1)
    remove: MemberNames | None = None
    require: MemberNames | None = None
    require_pkce: Literal[True] | None = None
    require_consent: Literal[True] | None = None
    first_party: StrictBool | None = None
    expire: Expiries | None = None
    hold: Literal[True] | None = None
    limit: ClientLimit | None = None
    tag: Annotated[tuple[Tag, ...], Field(min_length=1, max_length=32)] | None = None
    correct: StrictBool | None = None

    @property
    def kind(self) -> str:
        """The key of the effect."""
        return next(name for name in EFFECTS if getattr(self, name) is not None)

    @property
    def corrects(self) -> bool:
        """Whether what does not fit is changed; else it is refused."""
        return self.kind != "restrict" if self.correct is None else self.correct

    @cached_property
    def forced(self) -> Mapping[str, JsonValue]:
        """What members must be, whatever was sent."""
        if self.force is not None:
            return self.force
        made = FACTS.get(self.kind)
        return {} if made is None else dict(made(getattr(self, self.kind)))

    @cached_property
    def lives(self) -> Mapping[str, int]:
        """How many seconds tokens live at most, by the member that says so."""
        lived = {name: getattr(self.expire, name, None) for name in LIVES}
        return {member: each for name, each in lived.items() if each for member in LIVES[name]}

    @property
    def members(self) -> tuple[str, ...]:
        """The names of the members that it is about."""
        said = (self.default, self.forced, self.lives, self.restrict, self.remove, self.require)
        return tuple(next(filter(None, said), ()))

    @cached_property
    def allows(self) -> Mapping[str, Callable[[JsonValue], bool]]:
        """What of a member may be there, by the key of ``restrict``."""
        return {key: one_of(key, allowed) for key, allowed in (self.restrict or {}).items()}

    @field_validator("restrict")
    @classmethod
    def _can_be_met(cls, value: dict[str, Values] | None) -> dict[str, Values] | None:
        for key, allowed in (value or {}).items():
            one_of(key, allowed)
        return value

    @model_validator(mode="before")
    @classmethod
    def _one(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        if len(EFFECTS & given.keys()) != 1 and given.keys() <= {*EFFECTS, "correct"}:
            raise ValueError(f"must hold exactly one of {', '.join(sorted(EFFECTS))}")
        if "correct" in given and not CORRECTING & given.keys():
            raise ValueError(f"correct stands beside one of {', '.join(sorted(CORRECTING))}")
        return given


# Facts of administrators that have a word of their own -> what they are made of.
FACTS: Mapping[str, Callable[[bool], Mapping[str, JsonValue]]] = MappingProxyType(
    {
        "require_pkce": lambda wanted: {"require_pkce": wanted},
        "require_consent": lambda wanted: {"skip_consent": not wanted},
        "first_party": lambda wanted: {"third_party": not wanted},
    }
)
# How long tokens live, and the members that say so.
LIVES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "access_token": (
            "authorization_code_access_token_lifetime",
            "client_credentials_access_token_lifetime",
        ),
        "refresh_token": ("refresh_token_lifetime",),
        "id_token": ("id_token_lifetime",),
    }
)
EFFECTS = frozenset(Effect.model_fields) - {"correct"}
# What a registration can be changed to, or refused for.
CORRECTING = frozenset({"force", "remove", "restrict", *FACTS})


class Statement(Brief):
    """One rule of the operator, under which a registration is changed, held or refused."""

    name: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:-]*$",
        description="what it is called where it decides",
    )
    when: dict[str, Condition] = Field(
        default={},
        description="all that must hold, by key: origin, actor, actor.scopes, address,"
        " address.host, address.domain, tenant,"
        " time, day, hour, clients.tenant and its like, a member, MEMBER.host,"
        " MEMBER.domain, or statement.CLAIM; each is a value, a list of values, or a table of in,"
        " not, prefix, pattern; for time, hour and clients of from, until",
    )
    then: Effect = Field(
        description="what it does, a table of one of reject, default, force, restrict, remove,"
        " require, require_pkce, require_consent, first_party, expire, hold, limit, tag"
    )

    @model_validator(mode="before")
    @classmethod
    def _correct_belongs_to_the_effect(cls, given: object) -> object:
        """``correct`` may stand beside ``then`` as well."""
        if not isinstance(given, dict) or "correct" not in given:
            return given
        made = {name: value for name, value in given.items() if name != "correct"}
        then = made.get("then")
        if isinstance(then, dict):
            if then.get("correct", given["correct"]) is not given["correct"]:
                raise ValueError("correct is said twice, and not the same")
            made["then"] = then | {"correct": given["correct"]}
        return made

    @field_validator("when")
    @classmethod
    def _can_hold(cls, value: dict[str, Condition]) -> dict[str, Condition]:
        """Each condition is made once, so that what is wrong with one is told with its place."""
        problems = []
        for key, condition in value.items():
            try:
                _check_key(key)
                matcher(key, condition)
            except ValueError as error:
                problems.append(_problem(key, condition, str(error)))
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return value

    @cached_property
    def concerns(self) -> Matcher:
        """Whether all that it asks for holds; what is known without a look at the registration is
        asked first.
        """
        ordered = sorted(self.when.items(), key=lambda each: each[0] not in CONTEXT)
        return _all_of(*(matcher(key, condition) for key, condition in ordered))


def _all_of(*matchers: Matcher) -> Matcher:
    """One function, without a loop where there is but one or two: it is asked very often."""
    if len(matchers) == 1:
        return matchers[0]
    if len(matchers) == 2:  # noqa: PLR2004 - as it says
        first, second = matchers
        return lambda here, members: first(here, members) and second(here, members)

    def all_hold(here: Circumstances, members: Members) -> bool:
        for holds in matchers:  # noqa: SIM110 - a generator takes longer than most of them
            if not holds(here, members):
                return False
        return True

    return all_hold


def _problem(key: str, given: object, text: str) -> InitErrorDetails:
    problem = PydanticCustomError("statement", "{problem}", {"problem": text})
    return InitErrorDetails(type=problem, loc=(key,), input=given)


def _check_key(key: str) -> None:
    is_known = key in CONTEXT or _CLAIM.fullmatch(key) or _MEMBER.fullmatch(named_by(key))
    if not is_known:
        raise ValueError(
            "is no member, no MEMBER.host or MEMBER.domain, no statement.CLAIM, and none of "
            + ", ".join(sorted(CONTEXT))
        )
