"""Choices about software statements (RFC 7591 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from pydantic import Field

from dcrserver.policies.switches.group import Group

StatementsMode: TypeAlias = Literal["ignored", "allowed", "required"]


class SoftwareStatementPolicy(Group):
    """What a software statement must be and means, whichever trusted issuer signed it.

    Whether statements are read at all says ``policy.statements_mode``, who is trusted
    ``[[software_statements]]``, which can ask for more.
    """

    unknown_issuer: Literal["reject", "ignore"] = Field(
        default="reject",
        description="a statement of an issuer that is not trusted: refused with"
        " unapproved_software_statement, or as if it had not been sent",
    )
    algorithms: frozenset[str] = Field(
        default=frozenset(),
        description="only these may sign statements; empty: those that the issuer's entry names",
    )
    required_claims: frozenset[str] = Field(
        default=frozenset(), description="claims that every statement must hold, e.g. software_id"
    )
    maximum_age: int | None = Field(
        default=None,
        ge=1,
        description="seconds after its iat in which a statement can be used; unset: any time",
    )
    maximum_lifetime: int = Field(
        default=315_360_000,
        ge=60,
        le=2**40,
        description="seconds until its exp, at most: a jti is remembered for so long, and for ever"
        " where a statement with one has no exp and no maximum_age",
    )
    claim_aliases: Mapping[str, str] = Field(
        default={},
        description="claims that stand for members under other names, e.g."
        ' { software_redirect_uris = "redirect_uris" }',
    )
    redirect_subset: bool = Field(
        default=False,
        description="a client may choose among the redirect_uris of its statement, and names no"
        " other; false: it has all of them, whatever it sends",
    )
    must_match: frozenset[str] = Field(
        default=frozenset(),
        description="members that a client sends as its statement has them, or not at all; of"
        " others what the statement says counts",
    )
    role_claims: tuple[str, ...] = Field(
        default=(),
        description="claims that say in which roles the software acts, the first that is there"
        " counts: a list of names, or of objects with role and status, of which Active ones count",
    )
    role_scopes: Mapping[str, frozenset[str]] = Field(
        default={},
        description="the scopes that each role may have; a client of none of them may have none,"
        " and one that names no scope has all of its roles. Empty: roles say nothing",
    )
    signed_requests: Literal["refused", "allowed", "required"] = Field(
        default="refused",
        description="whether clients register by a JWT (application/jwt) of their metadata, signed"
        " by a key of their statement, as UK Open Banking has it",
    )
    request_lifetime: int = Field(
        default=86_400,
        ge=60,
        le=2**40,
        description="seconds until the exp of such a request, at most: its jti is remembered for"
        " so long",
    )
    request_audience: str | None = Field(
        default=None,
        min_length=1,
        description="what such a request must be for (aud); the issuer of the tenant if unset",
    )
