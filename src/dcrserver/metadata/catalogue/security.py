"""How tokens are bound and requests are protected: mTLS, JAR, PAR, RAR, DPoP, introspection."""

from __future__ import annotations

from dcrserver.metadata import kinds
from dcrserver.metadata.catalogue.shared import CONTENT, ENCRYPTION, SIGNED
from dcrserver.metadata.model import Parameter
from dcrserver.metadata.roles import Role

_SUBJECT = "RFC 8705 2.1.2"
_INTROSPECTION = "RFC 9701 6"

MUTUAL_TLS: tuple[Parameter, ...] = (
    Parameter(
        "tls_client_certificate_bound_access_tokens", kinds.BOOLEAN, "RFC 8705 3.4",
        "Whether access tokens are bound to the client's certificate",
        default=False, features=("tls_client_certificate_bound_access_tokens",), demand=True,
        example=False,
    ),
    Parameter(
        "tls_client_auth_subject_dn", kinds.DISTINGUISHED_NAME, _SUBJECT,
        "Subject of the client's certificate",
        role=Role.CERTIFICATE_SUBJECT, example="CN=client,O=Example",
    ),
    Parameter(
        "tls_client_auth_san_dns", kinds.DNS_NAME, _SUBJECT,
        "DNS name in the client's certificate",
        role=Role.CERTIFICATE_SUBJECT, example="client.example.org",
    ),
    Parameter(
        "tls_client_auth_san_uri", kinds.URI, _SUBJECT,
        "URI in the client's certificate",
        role=Role.CERTIFICATE_SUBJECT, example="https://client.example.org/id",
    ),
    Parameter(
        "tls_client_auth_san_ip", kinds.IP_ADDRESS, _SUBJECT,
        "IP address in the client's certificate; compared in binary form",
        role=Role.CERTIFICATE_SUBJECT, example="192.0.2.7",
    ),
    Parameter(
        "tls_client_auth_san_email", kinds.EMAIL, _SUBJECT,
        "E-mail address in the client's certificate",
        role=Role.CERTIFICATE_SUBJECT, example="client@example.org",
    ),
    Parameter(
        "use_mtls_endpoint_aliases", kinds.BOOLEAN, "FAPI 2.0 Security Profile 5.2.2.1.1",
        "Whether the client uses the endpoints in mtls_endpoint_aliases",
        default=False, features=("mtls_endpoint_aliases",), example=False,
    ),
)  # fmt: skip

REQUESTS: tuple[Parameter, ...] = (
    Parameter(
        "require_signed_request_object", kinds.BOOLEAN, "RFC 9101 10.5",
        "Whether authorization requests must come as signed request objects",
        default=False, demand=True, forced_by="require_signed_request_object", example=False,
        features=(
            "require_signed_request_object", "request_parameter_supported",
            "request_uri_parameter_supported", "pushed_authorization_request_endpoint",
        ),
    ),
    Parameter(
        "require_pushed_authorization_requests", kinds.BOOLEAN, "RFC 9126 6",
        "Whether authorization requests must be pushed",
        default=False, demand=True, forced_by="require_pushed_authorization_requests",
        features=(
            "require_pushed_authorization_requests", "pushed_authorization_request_endpoint",
        ),
        example=False,
    ),
    Parameter(
        "authorization_details_types", kinds.ALL_SUPPORTED, "RFC 9396 10",
        "Types of authorization_details that the client uses",
        bounded_by="authorization_details_types_supported",
        features=("authorization_details_types_supported",), example=["payment_initiation"],
    ),
    Parameter(
        "dpop_bound_access_tokens", kinds.BOOLEAN, "RFC 9449 5.2",
        "Whether every token request carries a DPoP proof",
        default=False, features=("dpop_signing_alg_values_supported",), demand=True,
        example=False,
    ),
)  # fmt: skip

INTROSPECTION: tuple[Parameter, ...] = (
    Parameter(
        "introspection_signed_response_alg", SIGNED, _INTROSPECTION,
        "How introspection answers to this protected resource are signed",
        role=Role.RESPONSE_SIGNATURE, default="RS256",
        bounded_by="introspection_signing_alg_values_supported",
        features=("introspection_signing_alg_values_supported",), example="RS256",
    ),
    Parameter(
        "introspection_encrypted_response_alg", ENCRYPTION, _INTROSPECTION,
        "How introspection answers are encrypted",
        role=Role.RESPONSE_ENCRYPTION, bounded_by="introspection_encryption_alg_values_supported",
        features=("introspection_encryption_alg_values_supported",),
    ),
    Parameter(
        "introspection_encrypted_response_enc", CONTENT, _INTROSPECTION,
        "Content encryption of introspection answers",
        role=Role.CONTENT_ENCRYPTION, bounded_by="introspection_encryption_enc_values_supported",
        features=("introspection_encryption_alg_values_supported",),
    ),
)  # fmt: skip
