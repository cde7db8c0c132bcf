"""What the tests of the pure layer share: a server that supports everything, terms, verdicts."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from dcrserver.metadata import (
    FAMILIES,
    Issue,
    Policy,
    Terms,
    algorithms,
    examine,
    validate,
)
from dcrserver.metadata.capabilities import capabilities_of
from dcrserver.strict_json import JsonObject, JsonValue

CALLBACK = "https://client.example.org/callback"
MINIMAL: JsonObject = {"redirect_uris": [CALLBACK]}

_SIGNED = (*algorithms.SIGNATURE, *algorithms.MAC)
_SIGNING = (*_SIGNED, "none")

# What is not a list, and means that a server can do it.
FEATURES: dict[str, bool | str] = {
    "tls_client_certificate_bound_access_tokens": True,
    "mtls_endpoint_aliases": "https://mtls.example.com",
    "request_parameter_supported": True,
    "pushed_authorization_request_endpoint": "https://server.example.com/par",
    "frontchannel_logout_supported": True,
    "frontchannel_logout_session_supported": True,
    "backchannel_logout_supported": True,
    "backchannel_logout_session_supported": True,
    "end_session_endpoint": "https://server.example.com/logout",
    "backchannel_user_code_parameter_supported": True,
}
# Each list that the catalogue asks for, as wide as the specifications allow.
EVERYTHING: dict[str, tuple[str, ...]] = {
    "token_endpoint_auth_methods_supported": (
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
        "none",
    ),
    "grant_types_supported": (
        "authorization_code",
        "implicit",
        "password",
        "client_credentials",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:openid:params:grant-type:ciba",
    ),
    "response_types_supported": (
        "code",
        "token",
        "id_token",
        "id_token token",
        "code id_token",
        "code token",
        "code id_token token",
    ),
    "scopes_supported": ("openid", "profile", "email", "offline_access"),
    "subject_types_supported": ("public", "pairwise"),
    "id_token_signing_alg_values_supported": _SIGNING,
    "userinfo_signing_alg_values_supported": _SIGNING,
    "request_object_signing_alg_values_supported": _SIGNING,
    "token_endpoint_auth_signing_alg_values_supported": _SIGNING,
    "id_token_encryption_alg_values_supported": algorithms.ENCRYPTION,
    "userinfo_encryption_alg_values_supported": algorithms.ENCRYPTION,
    "request_object_encryption_alg_values_supported": algorithms.ENCRYPTION,
    "id_token_encryption_enc_values_supported": algorithms.CONTENT_ENCRYPTION,
    "userinfo_encryption_enc_values_supported": algorithms.CONTENT_ENCRYPTION,
    "request_object_encryption_enc_values_supported": algorithms.CONTENT_ENCRYPTION,
    "authorization_details_types_supported": ("payment_initiation", "account_information"),
    "dpop_signing_alg_values_supported": algorithms.SIGNATURE,
    "introspection_signing_alg_values_supported": _SIGNED,
    "introspection_encryption_alg_values_supported": algorithms.ENCRYPTION,
    "introspection_encryption_enc_values_supported": algorithms.CONTENT_ENCRYPTION,
    "authorization_signing_alg_values_supported": _SIGNED,
    "authorization_encryption_alg_values_supported": algorithms.ENCRYPTION,
    "authorization_encryption_enc_values_supported": algorithms.CONTENT_ENCRYPTION,
    "backchannel_token_delivery_modes_supported": ("poll", "ping", "push"),
    "backchannel_authentication_request_signing_alg_values_supported": algorithms.SIGNATURE,
}
OPTIONAL_FAMILIES = sorted(name for name, family in FAMILIES.items() if family.optional)


def terms(
    *,
    supported: dict[str, tuple[str, ...]] | None = None,
    readable_secrets: bool = True,
    administrator: bool = True,
    allowed_hosts: frozenset[str] = frozenset(),
    **groups: Any,
) -> Terms:
    """Terms of a server that supports everything, less or other than that by ``supported``.

    Every family of members is understood unless ``groups`` say otherwise, which are the groups of
    the policy, as in the configuration file, and an administrator asks, who may set all of them.
    """
    lists = EVERYTHING | (supported or {})
    return Terms(
        policy=Policy.model_validate(
            {"extensions": {"optional_families": OPTIONAL_FAMILIES}} | groups
        ),
        server=capabilities_of(FEATURES | {name: list(values) for name, values in lists.items()}),
        allowed_hosts=allowed_hosts,
        readable_secrets=readable_secrets,
        administrator=administrator,
    )


TERMS = terms()


def certified_key() -> JsonObject:
    """A P-256 key with a self-signed certificate of it (RFC 8705 2.2.2)."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "client")])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, private.public_key(), 1, day, day.replace(year=2030))
        .sign(private, SHA256())
        .public_bytes(Encoding.DER)
    )
    numbers = private.public_key().public_numbers()
    octets = {"x": numbers.x.to_bytes(32), "y": numbers.y.to_bytes(32)}
    coordinates = {
        member: base64.urlsafe_b64encode(value).decode().rstrip("=")
        for member, value in octets.items()
    }
    chain: list[JsonValue] = [base64.b64encode(certificate).decode()]
    return {"kty": "EC", "crv": "P-256", **coordinates, "x5c": chain}


def issues_of(submission: JsonObject, judged_by: Terms = TERMS) -> list[Issue]:
    return examine(submission, judged_by)[1]


def texts_of(submission: JsonObject, judged_by: Terms = TERMS) -> list[str]:
    """What is wrong with ``submission``, as it is told."""
    return [issue.text for issue in issues_of(submission, judged_by)]


def base_of(member: str) -> str:
    """The catalogue's name of a member that may carry a language tag."""
    return member.partition("#")[0]


def validate_by(submission: JsonObject, judged_by: Terms) -> JsonObject:
    """The members that are registered."""
    return dict(validate(submission, judged_by).members)
