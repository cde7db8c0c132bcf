"""The wire shapes as JSON Schema, made from the catalogue: what OpenAPI and its readers see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dcrserver.metadata import PARAMETERS, SERVER_ASSIGNED
from dcrserver.strict_json import JsonObject, JsonValue

_TIMES = frozenset({"client_id_issued_at", "client_secret_expires_at"})
_EXAMPLE_ID = "3f1c0b7e9d2a4c58a6b1e0d4f7c29b83"

REQUEST_EXAMPLE: JsonObject = {
    "redirect_uris": ["https://client.example.org/callback"],
    "client_name": "Example client",
    "client_name#fr": "Exemple de client",
    "grant_types": ["authorization_code", "client_credentials"],
    "token_endpoint_auth_method": "client_secret_basic",
    "scope": "openid profile",
    "contacts": ["admin@client.example.org"],
}
RESPONSE_EXAMPLE: JsonObject = {
    "client_id": _EXAMPLE_ID,
    "client_id_issued_at": 1795392000,
    "client_secret": "cs_shown-once",
    "client_secret_expires_at": 0,
    "registration_access_token": "rat_shown-once",
    "registration_client_uri": f"https://server.example.com/register/{_EXAMPLE_ID}",
    **REQUEST_EXAMPLE,
    "response_types": ["code"],
    "application_type": "web",
    "id_token_signed_response_alg": "RS256",
    "require_auth_time": False,
    "dpop_bound_access_tokens": False,
}


def components() -> JsonObject:
    """``components/schemas`` of the OpenAPI document."""
    metadata: JsonObject = {row.name: _property(row.name) for row in PARAMETERS.values()}
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
            "properties": _server_members("client_id", "client_secret") | metadata,
            "example": {"client_id": _EXAMPLE_ID, **REQUEST_EXAMPLE},
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
            "properties": _server_members(*SERVER_ASSIGNED) | metadata,
            "example": RESPONSE_EXAMPLE,
        },
        "Error": _object(
            {
                "error": "ASCII error code",
                "error_description": "What is wrong, for a developer",
            },
            required=("error",),
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
        },
        "JsonResourceDescriptor": {
            "type": "object",
            "description": "RFC 7033 4.4",
            "required": ["subject", "links"],
            "properties": {
                "subject": {"type": "string"},
                "links": {
                    "type": "array",
                    "items": _object({"rel": "Relation", "href": "Target"}, required=("rel",)),
                },
            },
        },
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
        "TokenReference": _object(
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
                **_server_members("client_id", "client_secret", "client_secret_expires_at"),
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
            "properties": {**_server_members("client_id", "client_id_issued_at"), **metadata},
        },
        "AuthorizationRequest": _object(
            {
                "client_id": "Client identifier",
                "redirect_uri": "One of the registered redirect URIs",
                "state": "Given back as it is",
            },
            required=("client_id",),
        ),
        "JwkSet": {
            "type": "object",
            "required": ["keys"],
            "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
        },
        "Readiness": {
            "type": "object",
            "required": ["status"],
            "properties": {
                "status": {"type": "string", "enum": ["ready", "not ready"]},
                "reason": {"type": "string"},
            },
        },
    }


def _property(name: str) -> JsonObject:
    row = PARAMETERS[name]
    made: JsonObject = dict(row.kind.schema)
    made["description"] = f"{row.description} ({row.specification})"
    if row.default is not None:
        made["default"] = row.default
    if row.example is not None:
        made["example"] = row.example
    return made


def _server_members(*names: str) -> dict[str, JsonValue]:
    return {
        name: {
            "type": "integer" if name in _TIMES else "string",
            "description": SERVER_ASSIGNED[name],
        }
        for name in names
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


def _explanation(metadata: JsonObject) -> JsonObject:
    issue = _object(
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
    ignored = _object({"member": "Its name", "reason": "Why"}, required=("member", "reason"))
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
    }  # fmt: skip


def _object(texts: Mapping[str, str], required: Iterable[str]) -> JsonObject:
    return {
        "type": "object",
        "required": list(required),
        "properties": {
            name: {"type": "string", "description": text} for name, text in texts.items()
        },
    }
