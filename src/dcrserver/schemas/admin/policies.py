"""Policies as the administrators' API takes and shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, WithJsonSchema

from dcrserver.schemas.admin.parts import Asked, Members, Moment, Told
from dcrserver.schemas.examples import REQUEST_EXAMPLE

# Of any members: what is wrong with one is told with the nearest that there is.
PolicyDocument: TypeAlias = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "title": "PolicyDocument",
            "properties": {"preset": {"type": "string"}},
            "description": "the keys of [policies.NAME] of the configuration file",
        }
    ),
]


class Policy(Told):
    """A policy: what counts now, and what is drafted."""

    name: str
    tenant: str = Field(description="whose it is; * for one of all tenants")
    declared: bool = Field(description="by the configuration file: it is changed there only")
    version: int | None = Field(description="the active one; null while there is none")
    policy: Members | None = Field(description="what it says; null while no version is active")
    draft: Members | None = Field(description="what its next version will say")
    broken: str | None = Field(description="why it does not count as it is stored; null if it does")
    activated_at: Moment
    activated_by: str | None
    drafted_at: Moment
    drafted_by: str | None


class PolicyVersion(Told):
    """One of the versions that a policy had."""

    version: int
    state: Literal["active", "retired"]
    policy: Members
    created_at: Moment
    created_by: str
    activated_at: Moment
    activated_by: str | None


class PolicyVersions(Told):
    """All versions of a policy, the newest first."""

    items: list[PolicyVersion]


class RollBack(Asked):
    """Where to go back to."""

    version: int | None = Field(
        default=None, ge=1, description="an earlier version; null: the one before the active one"
    )


class PolicyProblem(Told):
    """What is wrong with a policy, and where."""

    pointer: str
    detail: str


class PolicyCheck(Told):
    """Whether a policy could be stored."""

    valid: bool
    problems: list[PolicyProblem]


class PolicyRequest(Asked):
    """A registration to try a policy with."""

    request: Members = Field(description="client metadata, as a client would send them")
    origin: Literal[
        "open", "initial_access_token", "software_statement", "administrator", "update", "import",
        "document",
    ] = Field(default="open", description="how it comes")  # fmt: skip
    address: str | None = Field(default=None, description="where it comes from: an IP address")


class PolicyTrial(PolicyRequest):
    """A registration to try a policy with, and by which version."""

    draft: bool | None = Field(
        default=None,
        description="true: by the draft; false: by the active version; null: by the draft where no"
        " version is active",
    )


class PolicyTrials(Asked):
    """Registrations to try a policy with."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"requests": [{"request": REQUEST_EXAMPLE}]}}
    )

    requests: list[PolicyRequest] = Field(min_length=1, max_length=500)
    draft: bool | None = Field(default=None, description="as of one")


class PolicyGroup(Told):
    """Registrations of which a policy would make the same."""

    decision: Literal["accept", "reject", "hold", "other"]
    statements: list[str] = Field(default=[], description="the names of those that decided")
    error: str | None = Field(default=None, description="the code that they would be refused with")
    error_description: str | None = None
    changed: list[str] = Field(default=[], description="members that would be others")
    change: Members = Field(default={}, description="of the first: by member, before and after")
    count: int
    examples: list[str] = Field(description="numbers of the first of them, from 1 on")


class PolicyVerdicts(Told):
    """What a policy would make of registrations, by kinds, the largest first."""

    counts: dict[str, int] = Field(description="by decision")
    groups: list[PolicyGroup]


class PolicyTestOnClients(Asked):
    """With which clients a policy is tried."""

    model_config = ConfigDict(json_schema_extra={"example": {"filter": {"status": "active"}}})

    filter: dict[str, Annotated[str, Field(max_length=512)]] = Field(
        description="as of POST /clients/bulk; empty: all clients"
    )
    draft: bool | None = Field(default=None, description="as of a registration")


class PolicyVerdict(Told):
    """What a policy would make of a registration."""

    decision: Literal["accept", "reject", "hold"]
    statements: list[str] = Field(description="the names of those that decided")
    result: Members = Field(
        title="TriedRegistration",
        description="what would be registered; error and error_description where it is refused",
    )
    clients: dict[str, int] = Field(
        default={},
        description="how many clients there are already, by what statements count or limit: so many"
        " at most as decide",
    )
    address_names: list[str] = Field(
        default=[], description="the names of the address, where statements ask for them"
    )
    tags: list[str] = Field(default=[], description="what the client would be tagged with")
    expires: dict[str, int] = Field(
        default={},
        description="seconds until the secret and the registration_access_token that it would be"
        " given expire, where statements say so",
    )
