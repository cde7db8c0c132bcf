"""The shapes of registration and discovery."""

from __future__ import annotations

from dcrserver.metadata import PARAMETERS, SERVER_ASSIGNED
from dcrserver.schemas.parts import (
    EXAMPLE_ID,
    REQUEST_EXAMPLE,
    metadata_members,
    object_of,
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


def components() -> JsonObject:
    """The shapes of registration and discovery, by their names in OpenAPI."""
    metadata = metadata_members()
    return {
        "ClientMetadata": {
            "type": "object",
            "description": "Client metadata (RFC 7591 2, OpenID Connect Registration 2). Texts and"
            " pages for people may be given per language as name#tag. Members that are not listed"
            " are ignored.",
            "properties": metadata,
            "patternProperties": {
                f"^{row.name}#.+$": row.kind.schema
                for row in PARAMETERS.values()
                if row.localizable
            },
            "example": REQUEST_EXAMPLE,
        },
        "ClientUpdate": {
            "type": "object",
            "description": "The whole new registration (RFC 7592 2.2): what is left out is removed"
            " or returns to its default.",
            "required": ["client_id"],
            "properties": server_members("client_id", "client_secret") | metadata,
            "example": {"client_id": EXAMPLE_ID, **REQUEST_EXAMPLE},
        },
        "ClientInformation": {
            "type": "object",
            "description": "Client information response (RFC 7591 3.2.1, RFC 7592 3): all"
            " registered metadata, with defaults and what the server replaced.",
            "required": [
                "client_id",
                "client_id_issued_at",
                "registration_access_token",
                "registration_client_uri",
            ],
            "properties": server_members(*SERVER_ASSIGNED) | metadata,
            "example": RESPONSE_EXAMPLE,
        },
        "Error": object_of(
            {
                "error": "ASCII error code",
                "error_description": "What is wrong, for a developer",
            },
            required=("error",),
            example={
                "error": "invalid_redirect_uri",
                "error_description": "redirect_uris element 0 holds a fragment",
            },
        ),
        "Explanation": _explanation(metadata),
        "ServerMetadata": {
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
        },
        "JsonResourceDescriptor": {
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
        },
        "AuthorizationRequest": object_of(
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
        ),
        "Liveness": {
            "type": "object",
            "required": ["status"],
            "properties": {"status": {"const": "alive"}},
            "example": {"status": "alive"},
        },
        "Readiness": {
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
        },
    }


def _explanation(metadata: JsonObject) -> JsonObject:
    issue = object_of(
        {
            "member": "The member, with its language tag if it has one",
            "reason": "What is wrong with it",
            "requirement": "Id of the rule",
            "specification": "Where the rule stands",
            "severity": "error or warning",
            "error": "The code of an error",
        },
        required=("member", "reason", "requirement", "specification", "severity"),
    )
    change: JsonObject = {
        "type": "object",
        "required": ["member", "sent", "reason"],
        "properties": {
            "member": {"type": "string"},
            "sent": {},
            "registered": {"description": "absent where the member would be left out"},
            "reason": {"type": "string"},
        },
    }
    ignored = object_of({"member": "Its name", "reason": "Why"}, required=("member", "reason"))
    return {
        "type": "object",
        "description": "What registering would do; nothing was registered or read elsewhere",
        "required": ["acceptable", "error", "issues", "registration", "defaults", "changes",
                     "ignored", "not_checked"],
        "properties": {
            "acceptable": {"type": "boolean"},
            "error": {"type": ["string", "null"]},
            "issues": {"type": "array", "items": issue},
            "registration": {"type": ["object", "null"], "properties": metadata},
            "defaults": {"type": "object", "properties": metadata},
            "changes": {"type": "array", "items": change},
            "ignored": {"type": "array", "items": ignored},
            "not_checked": {"type": "array", "items": {"type": "string"}},
        },
        "example": {
            "acceptable": True,
            "error": None,
            "issues": [],
            "registration": REQUEST_EXAMPLE | {"response_types": ["code"]},
            "defaults": {"response_types": ["code"]},
            "changes": [],
            "ignored": [],
            "not_checked": [],
        },
    }  # fmt: skip
