"""The shapes of client secrets."""

from __future__ import annotations

from dcrserver.schemas.examples import EXAMPLE_ID
from dcrserver.schemas.parts import server_members
from dcrserver.strict_json import JsonObject

_SECRET: JsonObject = {
    "id": "k1",
    "issued_at": 1795392000,
    "expires_at": 0,
    "last_used_at": 1795393800,
}
_TIMES = ("issued_at", "expires_at", "last_used_at")
_SECRETS: JsonObject = {
    "client_secrets": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["id", *_TIMES],
            "properties": {
                "id": {"type": "string"},
                **{
                    name: {
                        "type": ["integer", "null"],
                        "description": "Seconds since 1970; 0: never",
                    }
                    for name in _TIMES
                },
            },
        },
        "maxItems": 2,
    }
}

_CLIENT_SECRET_LIST: JsonObject = {
    "type": "object",
    "properties": _SECRETS,
    "example": {"client_secrets": [_SECRET]},
}
_ROTATED_CLIENT_SECRET: JsonObject = {
    "type": "object",
    "required": ["client_id", "id", "client_secret", "client_secret_expires_at"],
    "properties": {
        **server_members("client_id", "client_secret", "client_secret_expires_at"),
        "id": {"type": "string", "description": "Names the new secret in lists"},
        **_SECRETS,
    },
    "example": {
        "client_id": EXAMPLE_ID,
        "id": "k2",
        "client_secret": "cs_shown-once",
        "client_secret_expires_at": 0,
        "client_secrets": [_SECRET | {"id": "k2", "issued_at": 1795395600}, _SECRET],
    },
}
SHAPES: JsonObject = {
    "ClientSecretList": _CLIENT_SECRET_LIST,
    "RotatedClientSecret": _ROTATED_CLIENT_SECRET,
}
