"""The shapes of access tokens, and of the keys that sign them."""

from __future__ import annotations

from dcrserver.schemas.examples import EXAMPLE_ID
from dcrserver.schemas.parts import object_of
from dcrserver.strict_json import JsonObject

_ACCESS_TOKEN_RESPONSE: JsonObject = {
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
}
_TOKEN_REQUEST: JsonObject = {
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
}
_TOKEN_REFERENCE: JsonObject = object_of(
    {
        "token": "The access token",
        "token_type_hint": "Not needed (RFC 7009 2.1)",
        "client_id": "As in a token request, so are all that authenticate the client",
    },
    required=("token",),
    example={"token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln"},
)
_INTROSPECTION_RESPONSE: JsonObject = {
    "type": "object",
    "required": ["active"],
    "properties": {
        "active": {"type": "boolean"},
        "token_type": {"type": "string", "enum": ["Bearer", "DPoP"]},
        **{name: {"type": "string"} for name in ("scope", "client_id", "sub", "iss", "jti")},
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
}
_JWK_SET: JsonObject = {
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
}
SHAPES: JsonObject = {
    "AccessTokenResponse": _ACCESS_TOKEN_RESPONSE,
    "TokenRequest": _TOKEN_REQUEST,
    "TokenReference": _TOKEN_REFERENCE,
    "IntrospectionResponse": _INTROSPECTION_RESPONSE,
    "JwkSet": _JWK_SET,
}
