"""What OpenAPI says of secrets, tokens and the calls of authorization servers."""

from __future__ import annotations

from typing import Any

from dcrserver.api.openapi.parts import (
    CLIENT_ID,
    FORM,
    INVALID,
    NO_SCOPE,
    NOT_JSON,
    TOO_LARGE,
    TOO_SLOW,
    UNAUTHORIZED,
    UNAVAILABLE,
    answer,
    body,
    error,
)

_NO_SERVICE = error("Tokens come from another server", "not_found", "Not Found: /token")
_INVALID_CLIENT = error(
    "invalid_client (RFC 6749 5.2): unknown clients and wrong secrets are answered alike",
    "invalid_client",
    "client authentication failed",
    "WWW-Authenticate",
)
_GUESSING = error(
    "The client failed to authenticate too often",
    "too_many_requests",
    "client authentication failed too often; try again in 41 s",
    "Retry-After",
)
_ADMIN_UNAUTHORIZED = error(
    "No admin token, or not a valid one (RFC 6750 3)",
    "invalid_token",
    "the admin token is unknown or expired",
    "WWW-Authenticate",
)
_ADMIN_FORBIDDEN = error(
    "The admin token is for something else",
    "insufficient_scope",
    "the admin token needs the scope clients:read",
    "WWW-Authenticate",
)
SECRETS: dict[str, Any] = {
    "summary": "List client secrets",
    "operation_id": "list_secrets",
    "responses": {
        200: answer("The secrets that work, newest first", "ClientSecretList"),
        400: INVALID,
        401: UNAUTHORIZED,
        403: NO_SCOPE,
        404: error(
            "The policy leaves secrets to administrators, or one asks for no client",
            "not_found",
            "secrets are rotated by administrators",
        ),
        503: UNAVAILABLE,
    },
    "openapi_extra": CLIENT_ID,
}
ROTATE_SECRET: dict[str, Any] = {
    "summary": "Rotate the client secret",
    "operation_id": "rotate_secret",
    "responses": SECRETS["responses"]
    | {
        201: answer("A new secret, shown this once", "RotatedClientSecret"),
        400: error(
            "The client authenticates without a secret",
            "invalid_client_metadata",
            "a client of private_key_jwt has no client_secret",
        ),
    },
    "openapi_extra": CLIENT_ID,
}
ROTATE_SECRET["responses"].pop(200)
END_SECRET: dict[str, Any] = {
    "summary": "End a client secret",
    "operation_id": "end_secret",
    "responses": {
        204: {"description": "It works no longer"},
        400: error(
            "It is the only one",
            "invalid_client_metadata",
            "the only client_secret cannot be ended; rotate it first",
        ),
        401: UNAUTHORIZED,
        403: NO_SCOPE,
        404: error("No such secret", "not_found", "the client has no such secret"),
        503: UNAVAILABLE,
    },
    "openapi_extra": {
        "parameters": [
            *CLIENT_ID["parameters"],
            {
                "name": "secret_id",
                "in": "path",
                "required": True,
                "example": "k2",
                "schema": {"type": "string"},
            },
        ]
    },
}
TOKEN: dict[str, Any] = {
    "summary": "Get an access token",
    "operation_id": "token",
    "responses": {
        200: answer("An access token", "AccessTokenResponse"),
        400: error(
            "invalid_request, unauthorized_client, unsupported_grant_type, invalid_scope (RFC 6749"
            " 5.2), invalid_target (RFC 8707 2) or invalid_dpop_proof (RFC 9449 5)",
            "unsupported_grant_type",
            "this token endpoint serves the grant type client_credentials only; others need the"
            " token endpoint of an authorization server",
        ),
        401: _INVALID_CLIENT,
        404: _NO_SERVICE,
        408: TOO_SLOW,
        429: _GUESSING,
        503: UNAVAILABLE,
    },
    "openapi_extra": body("TokenRequest", FORM),
}
INTROSPECT: dict[str, Any] = {
    "summary": "Introspect a token",
    "operation_id": "introspect",
    "responses": {
        200: answer("What is known of the token (RFC 7662 2.2)", "IntrospectionResponse"),
        400: error("invalid_request, unauthorized_client", "invalid_request", "token is required"),
        401: _INVALID_CLIENT,
        403: _ADMIN_FORBIDDEN,
        404: _NO_SERVICE,
        408: TOO_SLOW,
        429: _GUESSING,
        503: UNAVAILABLE,
    },
    "openapi_extra": body("TokenReference", FORM),
}
REVOKE: dict[str, Any] = {
    "summary": "Revoke a token",
    "operation_id": "revoke",
    "responses": {
        200: {"description": "The token works no longer, if it ever did (RFC 7009 2.2)"},
        400: error(
            "invalid_request, or unauthorized_client for a token of another client",
            "invalid_request",
            "token is required",
        ),
        401: _INVALID_CLIENT,
        404: _NO_SERVICE,
        408: TOO_SLOW,
        429: _GUESSING,
        503: UNAVAILABLE,
    },
    "openapi_extra": body("TokenReference", FORM),
}
AUTHENTICATE: dict[str, Any] = {
    "summary": "Authenticate a client",
    "operation_id": "authenticate",
    "responses": {
        200: answer("Whether it is the client", "Authentication"),
        400: error("Malformed", "invalid_request", "parameters must be an object of texts"),
        401: _ADMIN_UNAUTHORIZED,
        403: _ADMIN_FORBIDDEN,
        408: TOO_SLOW,
        413: TOO_LARGE,
        415: NOT_JSON,
        429: _GUESSING,
        503: UNAVAILABLE,
    },
    "openapi_extra": body("PresentedCredentials"),
}
CLIENT: dict[str, Any] = {
    "summary": "Read a client",
    "operation_id": "client",
    "responses": {
        200: answer("The registered metadata", "RegisteredClient")
        | {"headers": {name: {"schema": {"type": "string"}} for name in ("ETag", "Cache-Control")}},
        304: {"description": "What If-None-Match names is still right"},
        400: error(
            "A token sent twice",
            "invalid_request",
            "the token must be sent once, in the Authorization header",
        ),
        401: _ADMIN_UNAUTHORIZED,
        403: _ADMIN_FORBIDDEN,
        404: error("Unknown, deleted or suspended", "not_found", "there is no such client"),
        503: UNAVAILABLE,
    },
    "openapi_extra": CLIENT_ID,
}
KEYS: dict[str, Any] = {
    "summary": "Public keys",
    "operation_id": "keys",
    "responses": {
        200: answer("Public keys", "JwkSet", "application/jwk-set+json"),
        404: error("Tokens come from another server", "not_found", "Not Found: /jwks"),
        503: UNAVAILABLE,
    },
}
