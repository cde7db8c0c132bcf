"""Choices about how the endpoints behave."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dcrserver.metadata.policy.group import Group


class ManagementPolicy(Group):
    """What clients may do with their registration (RFC 7592)."""

    rat_rotation: Literal["on_update", "never"] = Field(
        default="on_update", description="POL-42: an update issues a new registration access token"
    )
    forbidden_fields: Literal["reject", "ignore"] = Field(
        default="reject", description="POL-44: server members in an update"
    )
    method_change: Literal["allow", "reject"] = Field(
        default="allow",
        description="POL-55: an update may change token_endpoint_auth_method; the secret is then"
        " issued or dropped",
    )
    delete: bool = Field(default=True, description="DELETE is offered (RFC 7592 2.3)")


class CorsPolicy(Group):
    """POL-54."""

    enabled: bool = Field(default=True, description="for registration and discovery")


class DiscoveryPolicy(Group):
    """POL-51."""

    inserted_oidc: bool = Field(
        default=True, description="openid-configuration also between host and path"
    )


class WebFingerPolicy(Group):
    """POL-52."""

    slash_equivalence: bool = Field(
        default=True, description="https://host and https://host/ are the same resource"
    )
