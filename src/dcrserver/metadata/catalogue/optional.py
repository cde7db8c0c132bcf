"""Families of members that most servers have no use for: understood where the policy says so."""

from __future__ import annotations

from dcrserver.metadata import algorithms, kinds
from dcrserver.metadata.catalogue.shared import CONTENT, ENCRYPTION, SIGNED
from dcrserver.metadata.model import Parameter

_FEDERATION = "OpenID Federation 5.2.2"
_NFV = "ETSI GS NFV-SEC 022"
_CHOICES = "OpenID Connect RP Metadata Choices 2"

UMA: tuple[Parameter, ...] = (
    Parameter(
        "claims_redirect_uris", kinds.REDIRECT_URIS, "UMA 2.0 Grant 2",
        "Where a person may be sent after claims gathering",
        example=["https://client.example.org/claims"],
    ),
)  # fmt: skip

NFV: tuple[Parameter, ...] = (
    Parameter("nfv_token_signed_response_alg", SIGNED, _NFV, "How NFV tokens are signed"),
    Parameter("nfv_token_encrypted_response_alg", ENCRYPTION, _NFV, "How NFV tokens are encrypted"),
    Parameter("nfv_token_encrypted_response_enc", CONTENT, _NFV, "Content encryption of the same"),
)  # fmt: skip

FEDERATION: tuple[Parameter, ...] = (
    Parameter(
        "client_registration_types", kinds.TEXTS, "OpenID Federation 5.1.2",
        "How the client registers in a federation", example=["automatic"],
    ),
    Parameter(
        "signed_jwks_uri", kinds.FETCHED_URI, "OpenID Federation 5.2.1",
        "JWK Set signed by a federation key", fetched=True,
        example="https://client.example.org/signed-jwks",
    ),
    Parameter(
        "organization_name", kinds.TEXT, _FEDERATION, "Name of the organization",
        localizable=True, example="Example Org",
    ),
    Parameter(
        "display_name", kinds.TEXT, _FEDERATION, "Name of the entity to show to people",
        localizable=True, example="Example",
    ),
    Parameter(
        "description", kinds.TEXT, _FEDERATION, "What the entity does",
        localizable=True, example="What it does",
    ),
    Parameter(
        "keywords", kinds.TEXTS, _FEDERATION, "Words that describe the entity",
        localizable=True, example=["demo"],
    ),
    Parameter(
        "information_uri", kinds.DISPLAY_URI, _FEDERATION, "Page about the entity",
        localizable=True, example="https://client.example.org/about",
    ),
    Parameter(
        "organization_uri", kinds.DISPLAY_URI, _FEDERATION, "Page about the organization",
        localizable=True, example="https://client.example.org/org",
    ),
)  # fmt: skip

VP: tuple[Parameter, ...] = (
    Parameter(
        "vp_formats_supported", kinds.FORMATS, "OpenID for Verifiable Presentations 11.1",
        "Credential formats that the verifier understands",
        example={"dc+sd-jwt": {"sd-jwt_alg_values": ["ES256"]}},
    ),
    Parameter(
        "encrypted_response_enc_values_supported", kinds.choices(*algorithms.CONTENT_ENCRYPTION),
        "OpenID for Verifiable Presentations 5.1",
        "Content encryption that the verifier can read", example=["A128GCM"],
    ),
)  # fmt: skip

SIOP: tuple[Parameter, ...] = (
    Parameter(
        "subject_syntax_types_supported", kinds.TEXTS, "SIOP v2 (draft) 7.5",
        "Kinds of subject identifiers", example=["urn:ietf:params:oauth:jwk-thumbprint"],
    ),
)  # fmt: skip

# What the client can handle, and the member for which the server chooses one of it.
_CHOSEN = {
    "subject_types_supported": "subject_type",
    "id_token_signing_alg_values_supported": "id_token_signed_response_alg",
    "id_token_encryption_alg_values_supported": "id_token_encrypted_response_alg",
    "id_token_encryption_enc_values_supported": "id_token_encrypted_response_enc",
    "userinfo_signing_alg_values_supported": "userinfo_signed_response_alg",
    "userinfo_encryption_alg_values_supported": "userinfo_encrypted_response_alg",
    "userinfo_encryption_enc_values_supported": "userinfo_encrypted_response_enc",
    "request_object_signing_alg_values_supported": "request_object_signing_alg",
    "request_object_encryption_alg_values_supported": "request_object_encryption_alg",
    "request_object_encryption_enc_values_supported": "request_object_encryption_enc",
    "token_endpoint_auth_methods_supported": "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg_values_supported": "token_endpoint_auth_signing_alg",
    "backchannel_authentication_request_signing_alg_values_supported":
        "backchannel_authentication_request_signing_alg",
    "authorization_signing_alg_values_supported": "authorization_signed_response_alg",
    "authorization_encryption_alg_values_supported": "authorization_encrypted_response_alg",
    "authorization_encryption_enc_values_supported": "authorization_encrypted_response_enc",
    "introspection_signing_alg_values_supported": "introspection_signed_response_alg",
    "introspection_encryption_alg_values_supported": "introspection_encrypted_response_alg",
    "introspection_encryption_enc_values_supported": "introspection_encrypted_response_enc",
}  # fmt: skip
CHOICES: tuple[Parameter, ...] = tuple(
    Parameter(
        name, kinds.POSSIBILITIES, _CHOICES,
        f"Values of {chosen} that the client can handle; the server chooses one",
        chooses=chosen,
    )
    for name, chosen in _CHOSEN.items()
)  # fmt: skip
