"""The shapes of tokens, secrets and what an authorization server asks."""

from __future__ import annotations

from dcrserver.schemas.parts import metadata_members, object_of, server_members
from dcrserver.strict_json import JsonObject


def components() -> JsonObject:
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
        },
        "PresentedCredentials": {
            "type": "object",
            "properties": {
                "issuer": {
                    "type": "string",
                    "description": "Your issuer, which assertions may name; ours if left out",
                },
                "endpoint": {
                    "type": "string",
                    "description": "The URL that the client called, which assertions may name",
                },
                "authorization": {
                    "type": "string",
                    "description": "The Authorization header as it was received",
                },
                "parameters": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "description": "The form parameters; client_id, client_secret,"
                    " client_assertion and client_assertion_type are looked at",
                },
                "address": {
                    "type": "string",
                    "description": "IP address of the client, so that it cannot guess for ever",
                },
                "certificate": {"type": "string", "description": "Of the TLS connection, PEM"},
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
        },
        "RegisteredClient": {
            "type": "object",
            "required": ["client_id", "client_id_issued_at"],
            "properties": {**server_members("client_id", "client_id_issued_at"), **metadata},
        },
        "JwkSet": {
            "type": "object",
            "required": ["keys"],
            "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
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
    }
