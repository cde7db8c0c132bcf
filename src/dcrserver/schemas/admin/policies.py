"""Policies as the administrators' API takes and shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, WithJsonSchema

from dcrserver.schemas.admin.parts import Asked, Members, Moment, Told

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


class PolicyTrial(Asked):
    """A registration to try a policy with."""

    request: Members = Field(description="client metadata, as a client would send them")
    origin: Literal[
        "open", "initial_access_token", "software_statement", "administrator", "update", "import",
        "document",
    ] = Field(default="open", description="how it comes")  # fmt: skip
    address: str | None = Field(default=None, description="where it comes from: an IP address")
    draft: bool | None = Field(
        default=None,
        description="true: by the draft; false: by the active version; null: by the draft where no"
        " version is active",
    )


class PolicyVerdict(Told):
    """What a policy would make of a registration."""

    decision: Literal["accept", "reject", "hold"]
    statements: list[str] = Field(description="the names of those that decided")
    result: Members = Field(
        title="TriedRegistration",
        description="what would be registered; error and error_description where it is refused",
    )
    tags: list[str] = Field(default=[], description="what the client would be tagged with")
    expires: dict[str, int] = Field(
        default={},
        description="seconds until the secret and the registration_access_token that it would be"
        " given expire, where statements say so",
    )
