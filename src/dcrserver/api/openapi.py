"""What OpenAPI says of routes that read their body themselves: bodies, examples, every error."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from dcrserver import schemas

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


def _content(schema: str, media_type: str = _JSON) -> dict[str, Any]:
    return {"content": {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _answer(description: str, schema: str, media_type: str = _JSON) -> dict[str, Any]:
    return {"description": description, **_content(schema, media_type)}


def _error(description: str, code: str, text: str, headers: str = "") -> dict[str, Any]:
    made = _answer(description, "Error")
    made["content"][_JSON]["example"] = {"error": code, "error_description": text}
    if headers:
        made["headers"] = {headers: {"schema": {"type": "string"}}}
    return made


def _body(schema: str, media_type: str = _JSON) -> dict[str, Any]:
    return {"requestBody": {"required": True, **_content(schema, media_type)}}


def _query(name: str, description: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
    }


_INVALID = _error(
    "Refused: invalid_redirect_uri or invalid_client_metadata (RFC 7591 3.2.2); invalid_request"
    " for a token sent twice (RFC 6750 3.1)",
    "invalid_redirect_uri",
    "redirect_uris element 0 holds a fragment",
)
_TOO_LARGE = _error(
    "The body is too large",
    "invalid_client_metadata",
    "the body must not be larger than 65536 octets",
)
_TOO_SLOW = _error(
    "The body did not arrive in time", "request_timeout", "the body did not arrive in time"
)
_NOT_JSON = _error(
    "The body is not application/json",
    "invalid_client_metadata",
    "the body must be application/json in UTF-8",
)
_UNAUTHORIZED = _error(
    "No token, or not a valid one (RFC 6750 3). Unknown clients, deleted ones and wrong tokens"
    " are answered alike",
    "invalid_token",
    "the registration access token is not valid for this client",
    "WWW-Authenticate",
)
_FORBIDDEN = _error(
    "Registration is closed",
    "insufficient_scope",
    "registration is closed; ask an administrator",
    "WWW-Authenticate",
)
_TOO_MANY = _error(
    "Too many registrations from this address",
    "too_many_requests",
    "too many registrations; try again later",
    "Retry-After",
)
_UNAVAILABLE = _error(
    "The database does not answer",
    "temporarily_unavailable",
    "the server cannot reach its database; try again later",
    "Retry-After",
)
_OPTIONAL_TOKEN: dict[str, Any] = {"security": [{}, {"initial_access_token": []}]}
_TOKEN_NEEDED: dict[str, Any] = {"security": [{"registration_access_token": []}]}
_CLIENT_ID = {
    "parameters": [
        {
            "name": "client_id",
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
        }
    ]
}

REGISTER: dict[str, Any] = {
    "operation_id": "register",
    "responses": {
        201: _answer("Registered", "ClientInformation")
        | {"headers": {"Location": {"schema": {"type": "string", "format": "uri"}}}},
        400: _INVALID,
        401: _UNAUTHORIZED,
        403: _FORBIDDEN,
        408: _TOO_SLOW,
        413: _TOO_LARGE,
        415: _NOT_JSON,
        429: _TOO_MANY,
        503: _UNAVAILABLE,
    },
    "openapi_extra": _body("ClientMetadata") | _OPTIONAL_TOKEN,
}
VALIDATE: dict[str, Any] = {
    "operation_id": "validate",
    "responses": {
        200: _answer("What registering the same body would do", "Explanation"),
        400: _INVALID,
        401: _UNAUTHORIZED,
        403: _FORBIDDEN,
        404: _error(
            "Not offered in open mode unless configured",
            "not_found",
            "Not Found: /register/validate",
        ),
        408: _TOO_SLOW,
        413: _TOO_LARGE,
        415: _NOT_JSON,
        429: _TOO_MANY,
        503: _UNAVAILABLE,
    },
    "openapi_extra": _body("ClientMetadata") | _OPTIONAL_TOKEN,
}
READ: dict[str, Any] = {
    "operation_id": "read",
    "responses": {
        200: _answer("The registration", "ClientInformation"),
        400: _INVALID,
        401: _UNAUTHORIZED,
        503: _UNAVAILABLE,
    },
    "openapi_extra": _CLIENT_ID | _TOKEN_NEEDED,
}
UPDATE: dict[str, Any] = {
    "operation_id": "update",
    "responses": {
        200: _answer("The new registration, with a new token", "ClientInformation"),
        400: _INVALID,
        401: _UNAUTHORIZED,
        408: _TOO_SLOW,
        413: _TOO_LARGE,
        415: _NOT_JSON,
        503: _UNAVAILABLE,
    },
    "openapi_extra": _CLIENT_ID | _body("ClientUpdate") | _TOKEN_NEEDED,
}
DELETE: dict[str, Any] = {
    "operation_id": "delete",
    "responses": {
        204: {"description": "Gone"},
        400: _INVALID,
        401: _UNAUTHORIZED,
        405: _error(
            "Deletion is not offered",
            "method_not_allowed",
            "DELETE is not allowed here",
        ),
        503: _UNAVAILABLE,
    },
    "openapi_extra": _CLIENT_ID | _TOKEN_NEEDED,
}
TOKEN: dict[str, Any] = {
    "operation_id": "token",
    "responses": {
        200: _answer("An access token", "AccessTokenResponse"),
        400: _error(
            "invalid_request, unauthorized_client, unsupported_grant_type or invalid_scope"
            " (RFC 6749 5.2)",
            "unsupported_grant_type",
            "this server only knows the grant type client_credentials",
        ),
        401: _error(
            "invalid_client",
            "invalid_client",
            "client authentication failed",
            "WWW-Authenticate",
        ),
        404: _error("Tokens come from another server", "not_found", "Not Found: /token"),
        503: _UNAVAILABLE,
    },
    "openapi_extra": _body("TokenRequest", _FORM) | {"security": [{}, {"client": []}]},
}
KEYS: dict[str, Any] = {
    "operation_id": "keys",
    "responses": {
        200: _answer("Public keys", "JwkSet", "application/jwk-set+json"),
        404: _error("Tokens come from another server", "not_found", "Not Found: /jwks"),
        503: _UNAVAILABLE,
    },
}
METADATA: dict[str, Any] = {"responses": {200: _answer("Metadata", "ServerMetadata")}}
WEBFINGER: dict[str, Any] = {
    "operation_id": "webfinger",
    "responses": {
        200: _answer("Found", "JsonResourceDescriptor", "application/jrd+json"),
        400: _error(
            "No resource, several, or a malformed one",
            "invalid_request",
            "exactly one resource parameter is required",
        ),
        404: _error("Nothing is known of it", "not_found", "nothing is known of this resource"),
    },
    "openapi_extra": {
        "parameters": [
            _query("resource", "acct:user@host or an https URL", required=True),
            _query("rel", "only links with this relation; may be repeated"),
        ]
    },
}
_AUTHORIZE_RESPONSES: dict[int, Any] = {
    302: {"description": "Back to the client with temporarily_unavailable (RFC 6749 4.1.2.1)"},
    400: {
        "description": "A page for the person: unknown client or redirect URI, no redirect",
        "content": {"text/html": {"schema": {"type": "string"}}},
    },
    404: _error("Authorization is done elsewhere", "not_found", "Not Found: /authorize"),
    503: _UNAVAILABLE,
}
AUTHORIZE: dict[str, Any] = {
    "responses": _AUTHORIZE_RESPONSES,
    "openapi_extra": {
        "parameters": [
            _query("client_id", "Client identifier", required=True),
            _query("redirect_uri", "One of the registered redirect URIs"),
            _query("state", "Given back as it is"),
        ]
    },
}
AUTHORIZE_BY_FORM: dict[str, Any] = {
    "responses": _AUTHORIZE_RESPONSES,
    "openapi_extra": _body("AuthorizationRequest", _FORM),
}
READY: dict[str, Any] = {
    "responses": {
        200: _answer("Ready", "Readiness"),
        503: _answer("Not ready, with the reason", "Readiness"),
    }
}


def install(app: FastAPI, *, without: Collection[str]) -> None:
    """Makes ``app.openapi()`` the document described here, less the paths that are off."""
    made = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
    )
    made["paths"] = {path: item for path, item in made["paths"].items() if path not in without}
    made["components"] = {
        "schemas": schemas.components(),
        "securitySchemes": {
            "initial_access_token": {"type": "http", "scheme": "bearer"},
            "registration_access_token": {"type": "http", "scheme": "bearer"},
            "client": {"type": "http", "scheme": "basic"},
        },
    }
    # The way FastAPI documents to bring a document of one's own.
    app.openapi = lambda: made  # type: ignore[method-assign]
