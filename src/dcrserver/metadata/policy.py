"""The operator's choices where the specifications leave room, each with its key (POL-nn).

Set as ``[policy.redirect]``, ``[policy.jwks]``, ... in the configuration file.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RedirectPolicy(_Group):
    """What ``redirect_uris`` may hold (POL-10 to POL-19)."""

    allow_userinfo: bool = Field(default=False, description="POL-10: `user@` before the host")
    web_loopback_http: bool = Field(
        default=True,
        description="POL-11: web clients may use http on the local machine",
    )
    web_custom_scheme: bool = Field(
        default=False, description="POL-12: web clients may use private-use schemes"
    )
    native_claimed_https: bool = Field(
        default=True, description="POL-13: native clients may use https (RFC 8252 7.2)"
    )
    require_dot_in_scheme: bool = Field(
        default=True,
        description="POL-14: private-use schemes are reversed domain names",
    )
    undotted_schemes: frozenset[str] = Field(
        default=frozenset(
            {
                "cursor",
                "vscode",
                "vscode-insiders",
                "windsurf",
                "claude",
                "zed",
                "warp",
                "raycast",
            }
        ),
        description="POL-14: schemes without a dot that are let through",
    )
    max_count: int = Field(default=50, ge=1, description="POL-15: URIs of one client")
    max_length: int = Field(default=2000, ge=1, description="POL-15: characters of one URI")
    query: bool = Field(default=True, description="POL-17: a query component is allowed")
    ip_literal_https: bool = Field(
        default=False, description="POL-17: https with an IP address as host"
    )
    localhost_name: bool = Field(
        default=True, description="POL-18: native clients may use the name localhost"
    )
    always_required: bool = Field(
        default=False,
        description="Every client needs redirect_uris, as OpenID Connect Registration 2 says;"
        " otherwise only clients of a redirect grant do (RFC 7591 2)",
    )


class RegistrationPolicy(_Group):
    """What is filled in for the client."""

    infer_application_type: bool = Field(
        default=True,
        description="POL-12: an omitted application_type becomes native when every redirect URI"
        " is loopback or private-use",
    )
    client_supplied_credentials: Literal["ignore", "reject"] = Field(
        default="ignore",
        description="POL-40: client_id, client_secret and other server members in a POST",
    )
    max_body_bytes: int = Field(default=65536, ge=1024, description="POL-01: larger is 413")


class JsonPolicy(_Group):
    """POL-05."""

    max_depth: int = Field(default=16, ge=4, le=200, description="nested arrays and objects")
    max_members: int = Field(default=256, ge=16, description="members of one object")


class TextPolicy(_Group):
    """POL-20."""

    max_length: int = Field(default=256, ge=1, description="code points of one text")


class ArrayPolicy(_Group):
    """Bounds of array members that have no bound of their own."""

    max_count: int = Field(default=50, ge=1, description="elements of one array")


class UriPolicy(_Group):
    """URIs that are shown to people (POL-22)."""

    require_https_display: bool = Field(
        default=True, description="client_uri, logo_uri, tos_uri, policy_uri use https"
    )
    same_host: bool = Field(
        default=False, description="they share the host of a redirect URI (RFC 7591 5)"
    )


class GrantPolicy(_Group):
    """POL-30, and what becomes of grant and response types that are not supported."""

    implicit: bool = Field(default=False, description="discouraged by RFC 9700 2.1.2")
    password: bool = Field(default=False, description="ruled out by RFC 9700 2.4")
    unsupported: Literal["trim", "reject"] = Field(
        default="trim",
        description="trim: unsupported grant and response types are left out of the registration"
        " as long as one supported remains (RFC 7591 2); reject: invalid_client_metadata",
    )


class AlgorithmPolicy(_Group):
    """POL-33."""

    unsupported: Literal["reject", "substitute"] = Field(
        default="reject",
        description="an algorithm or subject type the server lacks is refused, or replaced by its"
        " first choice and echoed",
    )


class JwksPolicy(_Group):
    """POL-34."""

    eager_fetch: bool = Field(default=False, description="read jwks_uri at registration")
    min_rsa_bits: int = Field(default=2048, ge=2048, description="of RSA moduli")
    max_keys: int = Field(default=20, ge=1, description="keys of one set")
    duplicate_kid: Literal["reject", "accept"] = Field(
        default="reject", description="two keys with one kid"
    )
    require_usable_key: bool = Field(
        default=True,
        description="private_key_jwt needs a key that can verify its signatures",
    )


class IdTokenPolicy(_Group):
    """POL-35."""

    allow_none: bool = Field(default=False, description="unsigned ID Tokens for the code flow")


class ScopePolicy(_Group):
    """POL-46."""

    unknown: Literal["drop", "reject"] = Field(
        default="drop", description="scopes that are not in scopes_supported"
    )


class ManagementPolicy(_Group):
    """POL-42, POL-44."""

    rat_rotation: Literal["on_update", "never"] = Field(
        default="on_update", description="an update issues a new registration access token"
    )
    forbidden_fields: Literal["reject", "ignore"] = Field(
        default="reject", description="server members in an update"
    )
    delete: bool = Field(default=True, description="DELETE is offered (RFC 7592 2.3)")


class CorsPolicy(_Group):
    """POL-54."""

    enabled: bool = Field(default=True, description="for registration and discovery")


class DiscoveryPolicy(_Group):
    """POL-51."""

    inserted_oidc: bool = Field(
        default=True, description="openid-configuration also between host and path"
    )


class Policy(_Group):
    """All choices together."""

    redirect: RedirectPolicy = RedirectPolicy()
    registration: RegistrationPolicy = RegistrationPolicy()
    json_: JsonPolicy = Field(default=JsonPolicy(), alias="json")
    text: TextPolicy = TextPolicy()
    array: ArrayPolicy = ArrayPolicy()
    uris: UriPolicy = UriPolicy()
    grants: GrantPolicy = GrantPolicy()
    alg: AlgorithmPolicy = AlgorithmPolicy()
    jwks: JwksPolicy = JwksPolicy()
    id_token: IdTokenPolicy = IdTokenPolicy()
    scope: ScopePolicy = ScopePolicy()
    mgmt: ManagementPolicy = ManagementPolicy()
    cors: CorsPolicy = CorsPolicy()
    discovery: DiscoveryPolicy = DiscoveryPolicy()
