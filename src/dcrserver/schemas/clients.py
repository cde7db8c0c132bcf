"""The shapes of a client: what it sends, what it is told, what others are told."""

from __future__ import annotations

from collections.abc import Iterable

from dcrserver.metadata import PARAMETERS, SERVER_ASSIGNED, Parameter
from dcrserver.schemas.examples import EXAMPLE_ID, REQUEST_EXAMPLE
from dcrserver.schemas.parts import (
    METADATA,
    SENT_STATEMENT,
    TOLD_STATEMENT,
    metadata_property,
    server_members,
)
from dcrserver.strict_json import JsonObject

RESPONSE_EXAMPLE: JsonObject = {
    "client_id": EXAMPLE_ID,
    "client_id_issued_at": 1795392000,
    "client_secret": "cs_shown-once",
    "client_secret_expires_at": 0,
    "registration_access_token": "rat_shown-once",
    "registration_client_uri": f"https://server.example.com/register/{EXAMPLE_ID}",
    **REQUEST_EXAMPLE,
    "response_types": ["code"],
    "application_type": "web",
    "id_token_signed_response_alg": "RS256",
    "require_auth_time": False,
    "dpop_bound_access_tokens": False,
}

# What administrators choose beside the metadata (services.registration.facts).
_TOLD: JsonObject = {
    "owner": {"type": "string", "description": "Whose client it is; for administrators"},
    "tags": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Words to find it by; for administrators",
    },
    "expires_at": {
        "type": "integer",
        "description": "When the client ends, seconds since 1970; for administrators",
    },
    "policy": {
        "type": "string",
        "description": "The named policy that the client is judged by; for administrators",
    },
    "policy_version": {
        "type": "integer",
        "description": "The version of the policy that the client is judged by for life, if it is"
        " bound to one; for administrators",
    },
}
# What the client itself is told of how it stands (services.registration.client_information).
_STANDING: JsonObject = {
    "client_expires_at": {
        "type": "integer",
        "description": "When the client ends, seconds since 1970; left out: never",
    },
    "client_status": {
        "type": "string",
        "enum": ["pending", "rejected", "expired"],
        "description": "Why nothing of the client works; left out: it does",
    },
    "client_status_expires_at": {
        "type": "integer",
        "description": "Until when somebody may decide about it, seconds since 1970",
    },
    "client_status_reason": {"type": "string", "description": "Why it was rejected"},
}
_REPLACED: JsonObject = _TOLD | {
    "policy_override": {
        "type": "boolean",
        "description": "The statements of the policy do not count this once; for administrators"
        " with policies:override",
    },
    "template": {
        "type": "string",
        "description": "A client, by its client_id or its name, whose metadata count where"
        " nothing is sent; for administrators",
    },
}
_CHOSEN: JsonObject = {
    "client_id": {
        "type": "string",
        "description": "Chosen by an administrator; random for everybody else",
    },
    "client_secret": {
        "type": "string",
        "description": "Chosen by an administrator: 20 characters or more that nobody can guess",
    },
    "client_secret_expires_at": {
        "type": "integer",
        "description": "Chosen by an administrator, seconds since 1970; 0 = never",
    },
    **_REPLACED,
}

_CLIENT_METADATA: JsonObject = {
    "type": "object",
    "description": "Client metadata (RFC 7591 2, OpenID Connect Registration 2). Texts and"
    " pages for people may be given per language as name#tag. Members that are not listed"
    " are ignored.",
    "properties": _CHOSEN | SENT_STATEMENT | METADATA,
    "patternProperties": {
        f"^{row.name}#.+$": row.kind.schema for row in PARAMETERS.values() if row.localizable
    },
    "example": REQUEST_EXAMPLE,
}
_CLIENT_UPDATE: JsonObject = {
    "type": "object",
    "description": "The whole new registration (RFC 7592 2.2): what is left out is removed"
    " or returns to its default.",
    "required": ["client_id"],
    "properties": server_members("client_id", "client_secret")
    | _REPLACED
    | SENT_STATEMENT
    | METADATA,
    "example": {"client_id": EXAMPLE_ID, **REQUEST_EXAMPLE},
}
_CLIENT_INFORMATION: JsonObject = {
    "type": "object",
    "description": "Client information response (RFC 7591 3.2.1, RFC 7592 3): all"
    " registered metadata, with defaults and what the server replaced. registration_access_token"
    " is always there for the client itself, and for administrators where it is new.",
    "required": ["client_id", "client_id_issued_at", "registration_client_uri"],
    "properties": server_members(*SERVER_ASSIGNED) | _STANDING | _TOLD | TOLD_STATEMENT | METADATA,
    "example": RESPONSE_EXAMPLE,
}
_CLIENT_INFORMATION_LIST: JsonObject = {
    "type": "object",
    "required": ["items", "next"],
    "properties": {
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/ClientInformation"}},
        "next": {"type": "null", "description": "All are told at once"},
    },
    "example": {"items": [RESPONSE_EXAMPLE], "next": None},
}
_VERIFIED_FACTS: JsonObject = {
    "type": "object",
    "description": "What somebody else vouches for, of which people can be told beside the name",
    "properties": {
        "origin": {"type": "string", "description": "How it came to be"},
        "statement_issuer": {
            "type": ["string", "null"],
            "description": "The trusted issuer that vouched for its software",
        },
        "redirect_hosts": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Where people are sent, of http and https",
        },
        "first_seen_at": {"type": "integer", "description": "Seconds since 1970"},
        "flags": {
            "type": "array",
            "items": {"enum": ["protected_name", "mixed_scripts", "foreign_domain"]},
            "description": "What may mislead",
        },
    },
}
_REGISTERED_CLIENT: JsonObject = {
    "type": "object",
    "required": ["client_id", "client_id_issued_at"],
    "properties": server_members("client_id", "client_id_issued_at")
    | TOLD_STATEMENT
    | METADATA
    | {"verified_facts": _VERIFIED_FACTS},
    "example": {
        "client_id": EXAMPLE_ID,
        "client_id_issued_at": 1795392000,
        **REQUEST_EXAMPLE,
        "verified_facts": {
            "origin": "open",
            "statement_issuer": None,
            "redirect_hosts": ["client.example.org"],
            "first_seen_at": 1795392000,
            "flags": [],
        },
    },
}
SHAPES: JsonObject = {
    "ClientMetadata": _CLIENT_METADATA,
    "ClientUpdate": _CLIENT_UPDATE,
    "ClientInformation": _CLIENT_INFORMATION,
    "ClientInformationList": _CLIENT_INFORMATION_LIST,
    "RegisteredClient": _REGISTERED_CLIENT,
}


def declared(rows: Iterable[Parameter]) -> JsonObject:
    """The shapes that hold members which the operator declared, with these among them."""
    members: JsonObject = {row.name: metadata_property(row) for row in rows}
    return {
        name: {**shape, "properties": {**shape["properties"], **members}}
        for name, shape in SHAPES.items()
        if isinstance(shape, dict) and isinstance(shape["properties"], dict)
        if METADATA.keys() <= shape["properties"].keys()
    }
