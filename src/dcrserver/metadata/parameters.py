"""The catalogue: one row for each client metadata parameter that can be registered.

The validator, discovery, OpenAPI and the generated tests read the same rows. The order of the
rows is the order in which issues are told; the first decides the error code.
"""

from __future__ import annotations

from collections.abc import Mapping

from dcrserver.errors import InvalidRedirectUri
from dcrserver.metadata import algorithms, kinds
from dcrserver.metadata.model import Parameter

_R7591 = "RFC 7591 2"
_OIDR = "OpenID Connect Registration 2"

_SIGNING = kinds.choice("none", *algorithms.SIGNATURE, *algorithms.MAC)
_CLIENT_SIGNING = kinds.choice(*algorithms.SIGNATURE, *algorithms.MAC)
_ENCRYPTION = kinds.choice(*algorithms.ENCRYPTION)
_CONTENT = kinds.choice(*algorithms.CONTENT_ENCRYPTION)

_RFC_7591: tuple[Parameter, ...] = (
    Parameter(
        "redirect_uris", kinds.REDIRECT_URIS, _R7591,
        "Redirection URIs, compared by exact string at the authorization endpoint",
        error=InvalidRedirectUri, example=["https://client.example.org/callback"],
    ),
    Parameter(
        "token_endpoint_auth_method", kinds.NAME, _R7591,
        "How the client authenticates at the token endpoint",
        default="client_secret_basic", bounded_by="token_endpoint_auth_methods_supported",
        example="client_secret_basic",
    ),
    Parameter(
        "grant_types", kinds.NAMES, _R7591, "Grant types the client will use",
        default=["authorization_code"], bounded_by="grant_types_supported",
        example=["authorization_code", "refresh_token"],
    ),
    Parameter(
        "response_types", kinds.RESPONSE_TYPES, _R7591, "Response types the client will use",
        bounded_by="response_types_supported", example=["code"],
    ),
    Parameter(
        "client_name", kinds.TEXT, _R7591, "Name to show to people",
        localizable=True, example="Example client",
    ),
    Parameter(
        "client_uri", kinds.DISPLAY_URI, _R7591, "Web page about the client",
        localizable=True, example="https://client.example.org/",
    ),
    Parameter(
        "logo_uri", kinds.DISPLAY_URI, _R7591, "Logo of the client; never fetched by this server",
        localizable=True, fetched=True, example="https://client.example.org/logo.png",
    ),
    Parameter(
        "scope", kinds.SCOPE, _R7591, "Scopes the client may ask for, separated by spaces",
        bounded_by="scopes_supported", example="openid profile",
    ),
    Parameter(
        "contacts", kinds.TEXTS, _R7591, "Ways to reach the people behind the client",
        example=["admin@client.example.org"],
    ),
    Parameter(
        "tos_uri", kinds.DISPLAY_URI, _R7591, "Terms of service",
        localizable=True, example="https://client.example.org/terms",
    ),
    Parameter(
        "policy_uri", kinds.DISPLAY_URI, _R7591, "Privacy policy",
        localizable=True, example="https://client.example.org/privacy",
    ),
    Parameter(
        "jwks_uri", kinds.FETCHED_URI, _R7591, "Where the client's public keys are",
        fetched=True, example="https://client.example.org/jwks.json",
    ),
    Parameter("jwks", kinds.JWKS, _R7591, "The client's public keys by value"),
    Parameter(
        "software_id", kinds.TEXT, _R7591, "Identifies the software over all its instances",
        example="4NRB1-0XZABZI9E6-5SM3R",
    ),
    Parameter(
        "software_version", kinds.TEXT, _R7591, "Version of the software", example="2.1",
    ),
)  # fmt: skip

_OPENID_REGISTRATION: tuple[Parameter, ...] = (
    Parameter(
        "application_type", kinds.choice("web", "native"), _OIDR, "web or native",
        default="web", example="web",
    ),
    Parameter(
        "sector_identifier_uri", kinds.FETCHED_URI, _OIDR,
        "JSON array of redirection URIs that share pairwise subject identifiers",
        fetched=True, example="https://client.example.org/sector.json",
    ),
    Parameter(
        "subject_type", kinds.choice("public", "pairwise"), _OIDR, "Kind of subject identifier",
        bounded_by="subject_types_supported", example="public",
    ),
    Parameter(
        "id_token_signed_response_alg", _SIGNING, _OIDR, "How ID Tokens are signed",
        default="RS256", bounded_by="id_token_signing_alg_values_supported", example="RS256",
    ),
    Parameter(
        "id_token_encrypted_response_alg", _ENCRYPTION, _OIDR, "How ID Tokens are encrypted",
        bounded_by="id_token_encryption_alg_values_supported",
    ),
    Parameter(
        "id_token_encrypted_response_enc", _CONTENT, _OIDR, "Content encryption of ID Tokens",
        bounded_by="id_token_encryption_enc_values_supported",
    ),
    Parameter(
        "userinfo_signed_response_alg", _SIGNING, _OIDR, "How UserInfo answers are signed",
        bounded_by="userinfo_signing_alg_values_supported",
    ),
    Parameter(
        "userinfo_encrypted_response_alg", _ENCRYPTION, _OIDR, "How UserInfo is encrypted",
        bounded_by="userinfo_encryption_alg_values_supported",
    ),
    Parameter(
        "userinfo_encrypted_response_enc", _CONTENT, _OIDR, "Content encryption of UserInfo",
        bounded_by="userinfo_encryption_enc_values_supported",
    ),
    Parameter(
        "request_object_signing_alg", _SIGNING, _OIDR, "How request objects must be signed",
        bounded_by="request_object_signing_alg_values_supported",
    ),
    Parameter(
        "request_object_encryption_alg", _ENCRYPTION, _OIDR, "How request objects are encrypted",
        bounded_by="request_object_encryption_alg_values_supported",
    ),
    Parameter(
        "request_object_encryption_enc", _CONTENT, _OIDR, "Content encryption of request objects",
        bounded_by="request_object_encryption_enc_values_supported",
    ),
    Parameter(
        "token_endpoint_auth_signing_alg", _CLIENT_SIGNING, _OIDR,
        "How client assertions at the token endpoint are signed",
        bounded_by="token_endpoint_auth_signing_alg_values_supported",
    ),
    Parameter(
        "default_max_age", kinds.SECONDS, _OIDR, "Default of max_age, in seconds", example=3600,
    ),
    Parameter(
        "require_auth_time", kinds.BOOLEAN, _OIDR, "Whether ID Tokens need auth_time",
        default=False, example=False,
    ),
    Parameter(
        "default_acr_values", kinds.TEXTS, _OIDR, "Default acr values in order of preference",
    ),
    Parameter(
        "initiate_login_uri", kinds.HTTPS_URI, _OIDR, "Where a third party can start a login",
        example="https://client.example.org/login",
    ),
    Parameter(
        "request_uris", kinds.REQUEST_URIS, _OIDR, "URLs of request objects, fragments allowed",
        fetched=True,
    ),
)  # fmt: skip

PARAMETERS: Mapping[str, Parameter] = {row.name: row for row in (*_RFC_7591, *_OPENID_REGISTRATION)}

# Members that only the server sets (RFC 7591 3.2.1, RFC 7592 3), with their meaning.
SERVER_ASSIGNED: Mapping[str, str] = {
    "client_id": "Client identifier; random, never chosen by the client",
    "client_secret": "Client secret; shown once, kept as a digest",
    "client_id_issued_at": "When the client_id was issued, seconds since 1970",
    "client_secret_expires_at": "When the client_secret expires, seconds since 1970; 0 = never",
    "registration_access_token": "Bearer token for registration_client_uri",
    "registration_client_uri": "Where the registration can be read, updated and deleted",
}
