"""The shapes of the question who a client is, which an authorization server asks."""

from __future__ import annotations

from dcrserver.schemas.examples import EXAMPLE_ID, REQUEST_EXAMPLE
from dcrserver.schemas.parts import METADATA
from dcrserver.strict_json import JsonObject

_PRESENTED_CREDENTIALS: JsonObject = {
    "type": "object",
    "properties": {
        "issuer": {
            "type": ["string", "null"],
            "description": "Your issuer, which assertions may name; ours if left out",
        },
        "endpoint": {
            "type": ["string", "null"],
            "description": "The URL that the client called, which assertions may name",
        },
        "authorization": {
            "type": ["string", "null"],
            "description": "The Authorization header as it was received",
        },
        "parameters": {
            "type": "object",
            "additionalProperties": {"type": ["string", "null"]},
            "description": "The form parameters; client_id, client_secret,"
            " client_assertion and client_assertion_type are looked at",
        },
        "address": {
            "type": ["string", "null"],
            "description": "IP address of the client, so that it cannot guess for ever",
        },
        "certificate": {
            "type": ["string", "null"],
            "description": "Of the TLS connection, PEM",
        },
        "certificate_verified": {
            "type": "boolean",
            "description": "Whether its chain was verified, which tls_client_auth needs",
        },
    },
    "example": {
        "authorization": "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3",
        "parameters": {"grant_type": "authorization_code"},
    },
}
_AUTHENTICATION: JsonObject = {
    "type": "object",
    "required": ["active"],
    "properties": {
        "active": {"type": "boolean"},
        "client_id": {"type": "string"},
        "method": {"type": "string", "description": "The registered method, as was used"},
        "client": {"type": "object", "properties": METADATA},
        "certificate_thumbprint": {
            "type": "string",
            "description": "x5t#S256 (RFC 8705 3.1) of the presented certificate",
        },
        "error": {"type": "string", "description": "invalid_client where not active"},
        "error_description": {"type": "string"},
    },
    "example": {
        "active": True,
        "client_id": EXAMPLE_ID,
        "method": "client_secret_basic",
        "client": REQUEST_EXAMPLE,
    },
}
SHAPES: JsonObject = {
    "PresentedCredentials": _PRESENTED_CREDENTIALS,
    "Authentication": _AUTHENTICATION,
}
