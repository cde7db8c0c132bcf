"""Choices about how the endpoints behave."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dcrserver.policies.switches.group import Group


class ManagementPolicy(Group):
    """What clients may do with their registration (RFC 7592)."""

    registration_access_token_rotation: Literal["never", "on_update", "on_read"] = Field(
        default="on_update",
        description="when a new registration access token is issued: with an update, or"
        " with a read as well",
    )
    registration_access_token_grace_seconds: int = Field(
        default=300,
        ge=0,
        description="so long, and until the new token is first used, the one before reads"
        " and repeats the update whose answer was lost; 0 = not at all",
    )
    registration_access_token_lifetime: int = Field(
        default=0,
        ge=0,
        description="seconds until a registration access token expires; 0 = never",
    )
    forbidden_fields: Literal["reject", "ignore"] = Field(
        default="reject",
        description="what becomes of members that only the server sets, in an update",
    )
    method_change: Literal["allow", "reject"] = Field(
        default="allow",
        description="an update may change token_endpoint_auth_method; the secret is then"
        " issued or dropped",
    )
    delete: bool = Field(default=True, description="DELETE is offered (RFC 7592 2.3)")

    @property
    def rotates_on_read(self) -> bool:
        """A read answers with a new registration access token."""
        return self.registration_access_token_rotation == "on_read"  # noqa: S105 - a moment

    @property
    def rotates_on_update(self) -> bool:
        """An update answers with a new registration access token."""
        return self.registration_access_token_rotation != "never"  # noqa: S105 - a moment


class ApprovalPolicy(Group):
    """Registrations that a statement holds until an administrator approves them."""

    max_pending: int = Field(
        default=1000,
        ge=0,
        description="so many clients of a tenant wait for an approval at a time; who comes then is"
        " told to come later (503)",
    )
    pending_lifetime: int = Field(
        default=604_800,
        ge=60,
        description="seconds until a registration that nobody decided about expires",
    )
    decision_lifetime: int = Field(
        default=2_592_000,
        ge=60,
        description="seconds for which it is told that a registration was rejected, or expired, and"
        " for which what was rejected cannot be asked for again; then it is removed",
    )


class SecretPolicy(Group):
    """The life of client secrets."""

    lifetime: int = Field(
        default=0, ge=0, description="seconds until a client_secret expires; 0 = never"
    )
    overlap: int = Field(
        default=86400,
        ge=0,
        description="seconds that the secret before still works after a rotation",
    )
    self_rotation: bool = Field(
        default=True, description="POST /register/{client_id}/secret is offered to clients"
    )
    returned: bool = Field(
        default=False,
        description="reads and updates return the client_secret where a readable copy is kept",
    )


class AuthenticationPolicy(Group):
    """How clients prove who they are by assertions (RFC 7523 3)."""

    assertion_audience: Literal["any", "issuer"] = Field(
        default="issuer",
        description="issuer: aud is the issuer alone, as one text or a list of one (RFC 10070);"
        " any: the URL of an endpoint, and others beside it, are taken too, as before RFC 10070",
    )
    assertion_lifetime: int = Field(
        default=3600, ge=10, le=86400, description="seconds that an assertion may still be valid"
    )
    clock_skew: int = Field(
        default=60, ge=0, le=300, description="seconds that clocks may differ, both ways"
    )


class CorsPolicy(Group):
    """Requests of scripts in web pages (CORS)."""

    enabled: bool = Field(
        default=True, description="for registration, discovery, `/token` and `/revoke`"
    )


class DiscoveryPolicy(Group):
    """Where the metadata document is found."""

    inserted_oidc: bool = Field(
        default=True, description="openid-configuration also between host and path"
    )


class WebFingerPolicy(Group):
    """WebFinger (RFC 7033)."""

    slash_equivalence: bool = Field(
        default=True, description="https://host and https://host/ are the same resource"
    )
