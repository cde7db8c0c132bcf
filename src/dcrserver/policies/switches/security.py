"""Choices about grants, keys, algorithms and protection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import Field

from dcrserver.policies.switches.group import Group

# Rows of the catalogue, which lies above; tests/metadata/test_catalogue.py holds them equal.
OptionalFamily: TypeAlias = Literal["federation", "nfv", "rp_metadata_choices", "siop", "uma", "vp"]
SubjectParameter: TypeAlias = Literal[
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
]
SubjectAttribute: TypeAlias = Annotated[
    str,
    Field(pattern=r"^(CN|O|OU|UID|serialNumber|organizationIdentifier|[0-2](\.[0-9]{1,9}){1,30})$"),
]

OwnMember: TypeAlias = Literal[
    "application_display_name",
    "application_version",
    "client_credentials_access_token_lifetime",
    "authorization_code_access_token_lifetime",
    "refresh_token_lifetime",
    "id_token_lifetime",
    "access_token_format",
    "audience",
    "role_audience",
    "public_client",
    "require_pkce",
    "allow_plain_pkce",
    "skip_consent",
    "third_party",
    "management_application",
    "published",
]


class GrantPolicy(Group):
    """Grant types that are old and unsafe, and what becomes of those that are not supported."""

    implicit: bool = Field(default=False, description="discouraged by RFC 9700 2.1.2")
    password: bool = Field(default=False, description="ruled out by RFC 9700 2.4")
    unsupported: Literal["trim", "reject"] = Field(
        default="trim",
        description="trim: unsupported grant and response types are left out of the registration"
        " as long as one supported remains (RFC 7591 2); reject: invalid_client_metadata",
    )
    stray_response_types: Literal["reject", "ignore"] = Field(
        default="reject",
        description="response types of a client that is never redirected: refused, or left out (the"
        " MCP SDK for Python sends code for machines, too)",
    )
    hybrid_needs_implicit: bool = Field(
        default=True,
        description="response types such as code id_token need the implicit grant beside"
        " authorization_code (OpenID Connect Registration 2)",
    )


class AlgorithmPolicy(Group):
    """Algorithms and subject types that the authorization server lacks."""

    unsupported: Literal["reject", "substitute"] = Field(
        default="reject",
        description="an algorithm or subject type the server lacks is refused, or replaced by its"
        " first choice and echoed",
    )


class ExtensionPolicy(Group):
    """Members of other specifications than RFC 7591 and OpenID Connect Registration, and ours."""

    optional_families: frozenset[OptionalFamily] = Field(
        default=frozenset({"rp_metadata_choices"}),
        description="families of members (docs/metadata.md) that are understood beside the usual"
        " ones; those of others are ignored",
    )
    unsupported: Literal["drop", "reject"] = Field(
        default="drop",
        description="members about something that the server does not do are left out of"
        " the registration, or refused",
    )
    unsupported_demands: Literal["reject", "drop"] = Field(
        default="reject",
        description="the same for a true that asks the server to enforce something, such as"
        " dpop_bound_access_tokens",
    )
    self_service: frozenset[OwnMember] = Field(
        default=frozenset(),
        description="members that administrators set (docs/extensions.md) and that whoever"
        " registers itself may set as well; other than these are ignored unless an administrator"
        " sends them, see registration.client_supplied_credentials",
    )


class MutualTlsPolicy(Group):
    """RFC 8705."""

    stray_subject_params: Literal["reject", "ignore"] = Field(
        default="reject", description="what becomes of tls_client_auth_* beside another method"
    )
    subject_params: frozenset[SubjectParameter] = Field(
        default=frozenset(get_args(SubjectParameter)),
        description="the ways in which tls_client_auth may name the certificate",
    )
    registration_certificate: bool = Field(
        default=False,
        description="clients register, and manage themselves, with a client certificate alone whose"
        " chain was verified",
    )
    certificate_subject: Mapping[SubjectAttribute, str] = Field(
        default={},
        description="what the subject of that certificate must say, by attribute (CN, O, OU, UID,"
        " serialNumber, organizationIdentifier, or an object identifier): a text with claims of"
        ' the software statement in braces, e.g. { UID = "{software_id}" }',
    )


class LogoutPolicy(Group):
    """OpenID Connect logout."""

    http_for_confidential: bool = Field(
        default=False, description="confidential clients may use http logout URIs"
    )
    frontchannel_same_origin: bool = Field(
        default=False,
        description="frontchannel_logout_uri has the origin of a redirect URI",
    )


class CibaPolicy(Group):
    """Client-initiated backchannel authentication."""

    push: bool = Field(default=True, description="the delivery mode push, which FAPI-CIBA forbids")
    user_code: bool = Field(default=True, description="backchannel_user_code_parameter may be true")


class FapiPolicy(Group):
    """FAPI 2.0 Security Profile 5.3.2.1."""

    sender_constraint: bool = Field(
        default=False, description="access tokens must be bound by DPoP or certificate"
    )
    force_sender_constraint: Literal["reject", "force"] = Field(
        default="reject",
        description="a client that asks for neither is refused, or is bound by DPoP",
    )


class JwksPolicy(Group):
    """Keys of clients: jwks and jwks_uri."""

    by_value: bool = Field(default=True, description="jwks is accepted beside jwks_uri")
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
    require_request_key: bool = Field(
        default=False,
        description="so do signed request objects; clients in use name an algorithm without a key",
    )


class IdTokenPolicy(Group):
    """How ID Tokens are signed."""

    allow_none: bool = Field(default=False, description="unsigned ID Tokens for the code flow")
