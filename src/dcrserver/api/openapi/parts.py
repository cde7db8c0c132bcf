"""What descriptions of routes are made of: bodies, answers, the errors that many share."""

from __future__ import annotations

from typing import Any

from dcrserver.schemas.examples import EXAMPLE_ID

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def content(schema: str, media_type: str = JSON) -> dict[str, Any]:
    return {"content": {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def answer(description: str, schema: str, media_type: str = JSON) -> dict[str, Any]:
    return {"description": description, **content(schema, media_type)}


def error(description: str, code: str, text: str, headers: str = "") -> dict[str, Any]:
    """An error answer: what it means, an example of it, and a header that it has."""
    made = answer(description, "Error")
    made["content"][JSON]["example"] = {"error": code, "error_description": text}
    if headers:
        made["headers"] = {headers: {"schema": {"type": "string"}}}
    return made


def body(schema: str, media_type: str = JSON) -> dict[str, Any]:
    return {"requestBody": {"required": True, **content(schema, media_type)}}


def registration_body(schema: str) -> dict[str, Any]:
    """JSON. A JWT is told in words: whoever generates a client takes each media type for one."""
    made = body(schema)
    made["requestBody"]["description"] = (
        "Where `policy.software_statements.signed_requests` takes them: a JWT of the members"
        " (`application/jwt`), signed by a key of its software statement"
    )
    return made


def query(name: str, description: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
    }


INVALID = error(
    "Refused: invalid_redirect_uri or invalid_client_metadata (RFC 7591 3.2.2); invalid_request"
    " for a token sent twice (RFC 6750 3.1)",
    "invalid_redirect_uri",
    "redirect_uris element 0 holds a fragment",
)
TOO_LARGE = error(
    "The body is too large",
    "invalid_client_metadata",
    "the body must not be larger than 65536 octets",
)
TOO_SLOW = error(
    "The body did not arrive in time", "request_timeout", "the body did not arrive in time"
)
NOT_JSON = error(
    "The body is not application/json",
    "invalid_client_metadata",
    "the body must be application/json in UTF-8",
)
UNAUTHORIZED = error(
    "No token, or not a valid one (RFC 6750 3). Unknown clients, deleted ones and wrong tokens"
    " are answered alike",
    "invalid_token",
    "the registration access token is not valid for this client",
    "WWW-Authenticate",
)
NO_SCOPE = error(
    "An admin token that is for something else",
    "insufficient_scope",
    "the admin token needs the scope clients:read",
    "WWW-Authenticate",
)
NO_CLIENT = error(
    "An administrator asks for a client that is not there",
    "not_found",
    "there is no such client",
)
FORBIDDEN = error(
    "Registration is closed, or an admin token that is for something else",
    "insufficient_scope",
    "registration is closed; ask an administrator",
    "WWW-Authenticate",
)
# Told to callers of open registration (draft-ietf-httpapi-ratelimit-headers).
RATE_LIMITS: dict[str, Any] = {
    "RateLimit-Policy": {
        "schema": {"type": "string"},
        "description": "The limits: quota q in w seconds",
        "example": '"open_registration_attempts";q=300;w=60, "open_registration";q=60;w=60',
    },
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "What is left of each, r, for the next t seconds",
        "example": '"open_registration_attempts";r=298;t=41, "open_registration";r=59;t=41',
    },
}
TOO_MANY = error(
    "Too many registrations, or attempts to register",
    "too_many_requests",
    "too many registrations from this address; try again in 41 s",
    "Retry-After",
)
TOO_MANY["headers"] |= RATE_LIMITS
UNAVAILABLE = error(
    "The database does not answer",
    "temporarily_unavailable",
    "the server cannot reach its database; try again later",
    "Retry-After",
)
IDEMPOTENCY_KEY = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Made at random for this registration, such as a UUID: what is sent"
            " again with it within a day is answered alike, and done once"
            " (draft-ietf-httpapi-idempotency-key-header)",
            "schema": {"type": "string", "minLength": 20, "maxLength": 257},
        }
    ]
}
CLIENT_ID = {
    "parameters": [
        {
            "name": "client_id",
            "in": "path",
            "required": True,
            "example": EXAMPLE_ID,
            "description": "Percent-encoded, a slash in it too",
            "schema": {"type": "string", "minLength": 1, "maxLength": 512},
        }
    ]
}
