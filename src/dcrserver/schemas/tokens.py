"""The shapes of tokens, secrets and what an authorization server asks."""

from __future__ import annotations

from dcrserver.schemas.parts import (
    EXAMPLE_ID,
    REQUEST_EXAMPLE,
    metadata_members,
    object_of,
    server_members,
)
from dcrserver.strict_json import JsonObject

_SECRET: JsonObject = {
    "id": "k1",
    "issued_at": 1795392000,
    "expires_at": 0,
    "last_used_at": 1795393800,
}


def components() -> JsonObject:
    """The shapes of tokens, secrets and look-ups, by their names in OpenAPI."""
    metadata = metadata_members()
    return {
        "AccessTokenResponse": {
            "type": "object",
            "description": "RFC 6749 5.1; the token is a JWT (RFC 9068), or opaque where so chosen",
            "required": ["access_token", "token_type", "expires_in"],
            "properties": {
                "access_token": {"type": "string"},
                "token_type": {"type": "string", "enum": ["Bearer", "DPoP"]},
                "expires_in": {"type": "integer", "description": "seconds"},
                "scope": {"type": "string"},
            },
            "example": {
                "access_token": "eyJ...",
                "token_type": "Bearer",
                "expires_in": 300,
                "scope": "openid profile",
            },
        },
        "TokenRequest": {
            "type": "object",
            "required": ["grant_type"],
            "properties": {
                "grant_type": {"type": "string", "enum": ["client_credentials"]},
                "scope": {"type": "string"},
                "resource": {
                    "type": "array",
                    "items": {"type": "string", "format": "uri"},
                    "description": "where the token is to be used; sent once for each (RFC 8707)",
                },
                "client_id": {
                    "type": "string",
                    "description": "with all methods but client_secret_basic",
                },
                "client_secret": {"type": "string", "description": "with client_secret_post"},
                "client_assertion_type": {
                    "type": "string",
                    "enum": ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"],
                    "description": "with private_key_jwt and client_secret_jwt",
                },
                "client_assertion": {"type": "string", "description": "the same (RFC 7523 2.2)"},
            },
            "example": {"grant_type": "client_credentials", "scope": "profile"},
        },
        "TokenReference": object_of(
            {
                "token": "The access token",
                "token_type_hint": "Not needed (RFC 7009 2.1)",
                "client_id": "As in a token request, so are all that authenticate the client",
            },
            required=("token",),
            example={"token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln"},
        ),
        "IntrospectionResponse": {
            "type": "object",
            "required": ["active"],
            "properties": {
                "active": {"type": "boolean"},
                "token_type": {"type": "string", "enum": ["Bearer", "DPoP"]},
                **{
                    name: {"type": "string"} for name in ("scope", "client_id", "sub", "iss", "jti")
                },
                "aud": {"type": ["string", "array"], "items": {"type": "string"}},
                "exp": {"type": "integer"},
                "iat": {"type": "integer"},
                "cnf": {"type": "object", "description": "The key it is bound to (RFC 7800)"},
            },
            "example": {
                "active": True,
                "token_type": "Bearer",
                "scope": "profile",
                "client_id": EXAMPLE_ID,
                "iss": "https://server.example.com",
                "exp": 1795392300,
            },
        },
        "ClientSecretList": _secrets(),
        "RotatedClientSecret": {
            "type": "object",
            "required": ["client_id", "id", "client_secret", "client_secret_expires_at"],
            "properties": {
                **server_members("client_id", "client_secret", "client_secret_expires_at"),
                "id": {"type": "string", "description": "Names the new secret in lists"},
                **_secrets()["properties"],  # type: ignore[dict-item]
            },
            "example": {
                "client_id": EXAMPLE_ID,
                "id": "k2",
                "client_secret": "cs_shown-once",
                "client_secret_expires_at": 0,
                "client_secrets": [_SECRET | {"id": "k2", "issued_at": 1795395600}, _SECRET],
            },
        },
        "PresentedCredentials": {
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
        },
        "Authentication": {
            "type": "object",
            "required": ["active"],
            "properties": {
                "active": {"type": "boolean"},
                "client_id": {"type": "string"},
                "method": {"type": "string", "description": "The registered method, as was used"},
                "client": {"type": "object", "properties": metadata},
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
        },
        "RegisteredClient": {
            "type": "object",
            "required": ["client_id", "client_id_issued_at"],
            "properties": {**server_members("client_id", "client_id_issued_at"), **metadata},
            "example": {
                "client_id": EXAMPLE_ID,
                "client_id_issued_at": 1795392000,
                **REQUEST_EXAMPLE,
            },
        },
        "JwkSet": {
            "type": "object",
            "required": ["keys"],
            "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
            "example": {
                "keys": [
                    {
                        "kty": "EC",
                        "crv": "P-256",
                        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
                        "kid": "2026-11",
                        "use": "sig",
                        "alg": "ES256",
                    }
                ]
            },
        },
    }


def _secrets() -> JsonObject:
    times = ("issued_at", "expires_at", "last_used_at")
    secret: JsonObject = {
        "type": "object",
        "required": ["id", *times],
        "properties": {
            "id": {"type": "string"},
            **{
                name: {"type": ["integer", "null"], "description": "Seconds since 1970; 0: never"}
                for name in times
            },
        },
    }
    return {
        "type": "object",
        "properties": {"client_secrets": {"type": "array", "items": secret, "maxItems": 2}},
        "example": {"client_secrets": [_SECRET]},
    }
