"""OpenID Connect Registration 2."""

from __future__ import annotations

from dcrserver.metadata import kinds
from dcrserver.metadata.catalogue.shared import CONTENT, ENCRYPTION, SIGNED, SIGNING
from dcrserver.metadata.model import Parameter
from dcrserver.metadata.roles import Role

_SECTION = "OpenID Connect Registration 2"

ROWS: tuple[Parameter, ...] = (
    Parameter(
        "application_type", kinds.APPLICATION_TYPE, _SECTION, "web or native",
        default="web", example="web", facet="application_type",
    ),
    Parameter(
        "sector_identifier_uri", kinds.FETCHED_URI, _SECTION,
        "JSON array of redirection URIs that share pairwise subject identifiers",
        fetched=True, example="https://client.example.org/sector.json",
    ),
    Parameter(
        "subject_type", kinds.choice("public", "pairwise", rule="CF-21"), _SECTION,
        "Kind of subject identifier",
        bounded_by="subject_types_supported", example="public",
    ),
    Parameter(
        "id_token_signed_response_alg", SIGNING, _SECTION, "How ID Tokens are signed",
        role=Role.RESPONSE_SIGNATURE,
        default="RS256", bounded_by="id_token_signing_alg_values_supported", example="RS256",
    ),
    Parameter(
        "id_token_encrypted_response_alg", ENCRYPTION, _SECTION, "How ID Tokens are encrypted",
        role=Role.RESPONSE_ENCRYPTION, bounded_by="id_token_encryption_alg_values_supported",
    ),
    Parameter(
        "id_token_encrypted_response_enc", CONTENT, _SECTION, "Content encryption of ID Tokens",
        role=Role.CONTENT_ENCRYPTION, bounded_by="id_token_encryption_enc_values_supported",
    ),
    Parameter(
        "userinfo_signed_response_alg", SIGNING, _SECTION, "How UserInfo answers are signed",
        role=Role.RESPONSE_SIGNATURE, bounded_by="userinfo_signing_alg_values_supported",
    ),
    Parameter(
        "userinfo_encrypted_response_alg", ENCRYPTION, _SECTION, "How UserInfo is encrypted",
        role=Role.RESPONSE_ENCRYPTION, bounded_by="userinfo_encryption_alg_values_supported",
    ),
    Parameter(
        "userinfo_encrypted_response_enc", CONTENT, _SECTION, "Content encryption of UserInfo",
        role=Role.CONTENT_ENCRYPTION, bounded_by="userinfo_encryption_enc_values_supported",
    ),
    Parameter(
        "request_object_signing_alg", SIGNING, _SECTION, "How request objects must be signed",
        role=Role.REQUEST_SIGNATURE, bounded_by="request_object_signing_alg_values_supported",
    ),
    Parameter(
        "request_object_encryption_alg", ENCRYPTION, _SECTION, "How request objects are encrypted",
        role=Role.REQUEST_ENCRYPTION, bounded_by="request_object_encryption_alg_values_supported",
    ),
    Parameter(
        "request_object_encryption_enc", CONTENT, _SECTION, "Content encryption of request objects",
        role=Role.CONTENT_ENCRYPTION, bounded_by="request_object_encryption_enc_values_supported",
    ),
    Parameter(
        "token_endpoint_auth_signing_alg", SIGNED, _SECTION,
        "How client assertions at the token endpoint are signed",
        role=Role.ASSERTION_SIGNATURE,
        bounded_by="token_endpoint_auth_signing_alg_values_supported",
    ),
    Parameter(
        "default_max_age", kinds.SECONDS, _SECTION, "Default of max_age, in seconds", example=3600,
    ),
    Parameter(
        "require_auth_time", kinds.BOOLEAN, _SECTION, "Whether ID Tokens need auth_time",
        default=False, example=False,
    ),
    Parameter(
        "default_acr_values", kinds.TEXTS, _SECTION, "Default acr values in order of preference",
    ),
    Parameter(
        "initiate_login_uri", kinds.HTTPS_URI, _SECTION, "Where a third party can start a login",
        example="https://client.example.org/login",
    ),
    Parameter(
        "request_uris", kinds.REQUEST_URIS, _SECTION, "URLs of request objects, fragments allowed",
        fetched=True,
    ),
)  # fmt: skip
