"""The shapes of what the server says of itself: metadata, discovery, health, errors."""

from __future__ import annotations

from dcrserver.schemas.examples import EXAMPLE_ID
from dcrserver.schemas.parts import object_of
from dcrserver.strict_json import JsonObject

_ERROR: JsonObject = object_of(
    {
        "error": "ASCII error code",
        "error_description": "What is wrong, for a developer",
    },
    required=("error",),
    example={
        "error": "invalid_redirect_uri",
        "error_description": "redirect_uris element 0 holds a fragment",
    },
)
_SERVER_METADATA: JsonObject = {
    "type": "object",
    "description": "Authorization server metadata (RFC 8414 2, OpenID Connect Discovery 3)",
    "required": [
        "issuer",
        "authorization_endpoint",
        "response_types_supported",
    ],
    "properties": {
        "issuer": {"type": "string", "format": "uri"},
        "authorization_endpoint": {"type": "string", "format": "uri"},
        "token_endpoint": {"type": "string", "format": "uri"},
        "registration_endpoint": {"type": "string", "format": "uri"},
        "response_types_supported": {
            "type": "array",
            "items": {"type": "string"},
        },
    },
    "example": {
        "issuer": "https://server.example.com",
        "authorization_endpoint": "https://server.example.com/authorize",
        "token_endpoint": "https://server.example.com/token",
        "registration_endpoint": "https://server.example.com/register",
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
    },
}
_JSON_RESOURCE_DESCRIPTOR: JsonObject = {
    "type": "object",
    "description": "RFC 7033 4.4",
    "required": ["subject", "links"],
    "properties": {
        "subject": {"type": "string"},
        "links": {
            "type": "array",
            "items": object_of({"rel": "Relation", "href": "Target"}, required=("rel",)),
        },
    },
    "example": {
        "subject": "acct:alice@example.com",
        "links": [
            {
                "rel": "http://openid.net/specs/connect/1.0/issuer",
                "href": "https://server.example.com",
            }
        ],
    },
}
_AUTHORIZATION_REQUEST: JsonObject = object_of(
    {
        "client_id": "Client identifier",
        "redirect_uri": "One of the registered redirect URIs",
        "state": "Given back as it is",
    },
    required=("client_id",),
    example={
        "client_id": EXAMPLE_ID,
        "redirect_uri": "https://client.example.org/callback",
        "state": "af0ifjsldkj",
    },
)
_LIVENESS: JsonObject = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"const": "alive"}},
    "example": {"status": "alive"},
}
_READINESS: JsonObject = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {"type": "string", "enum": ["ready", "not ready"]},
        "reason": {"type": "string"},
        "authorization_server_metadata_age_seconds": {
            "type": ["integer", "null"],
            "description": "of the oldest copy; null: one was never read",
        },
    },
    "example": {"status": "ready"},
}
_CLIENT_DOCUMENT: JsonObject = {
    "type": "object",
    "description": "Client metadata by the names of RFC 7591",
    "required": ["client_id"],
    "properties": {"client_id": {"type": "string", "format": "uri"}},
    "additionalProperties": True,
    "example": {
        "client_id": f"https://server.example.com/clients/{EXAMPLE_ID}/metadata",
        "client_name": "My Example",
        "redirect_uris": ["https://client.example.org/callback"],
        "token_endpoint_auth_method": "none",
    },
}
SHAPES: JsonObject = {
    "ClientDocument": _CLIENT_DOCUMENT,
    "Error": _ERROR,
    "ServerMetadata": _SERVER_METADATA,
    "JsonResourceDescriptor": _JSON_RESOURCE_DESCRIPTOR,
    "AuthorizationRequest": _AUTHORIZATION_REQUEST,
    "Liveness": _LIVENESS,
    "Readiness": _READINESS,
}
