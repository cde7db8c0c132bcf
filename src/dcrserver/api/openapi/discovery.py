"""What OpenAPI says of discovery, of documents of clients, of sign-in, and of whether we live."""

from __future__ import annotations

from typing import Any

from dcrserver.api.openapi.parts import (
    CLIENT_ID,
    FORM,
    UNAVAILABLE,
    answer,
    body,
    error,
    query,
)
from dcrserver.schemas.examples import EXAMPLE_ID

METADATA: dict[str, Any] = {
    "responses": {
        200: answer("Metadata, with its ETag", "ServerMetadata"),
        304: {"description": "Unchanged since the ETag that If-None-Match names"},
    }
}
CLIENT_DOCUMENT: dict[str, Any] = {
    "summary": "Read the document of a client",
    "responses": {
        200: answer("The metadata of a client that is published, with an ETag", "ClientDocument"),
        304: {"description": "Unchanged since the ETag that If-None-Match names"},
        404: error("Nothing is published", "not_found", "there is no such document"),
    },
    "openapi_extra": CLIENT_ID,
}
WEBFINGER: dict[str, Any] = {
    "summary": "Find the issuer",
    "operation_id": "webfinger",
    "responses": {
        200: answer("Found", "JsonResourceDescriptor", "application/jrd+json"),
        400: error(
            "No resource, several, or a malformed one",
            "invalid_request",
            "exactly one resource parameter is required",
        ),
        404: error("Nothing is known of it", "not_found", "nothing is known of this resource"),
    },
    "openapi_extra": {
        "parameters": [
            query("resource", "acct:user@host or an https URL", required=True)
            | {"example": "acct:alice@example.com"},
            query("rel", "only links with this relation; may be repeated"),
        ]
    },
}


def _led_on(how: str) -> dict[str, Any]:
    return {
        "description": f"To the authorization endpoint of the server behind, {how}",
        "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
    }


_AUTHORIZE_RESPONSES: dict[int, Any] = {
    200: {
        "description": "No authorization server is connected: a page, with a link back to the"
        " client that tells it temporarily_unavailable (RFC 6749 4.1.2.1)",
        "content": {"text/html": {"schema": {"type": "string"}}},
    },
    400: {
        "description": "A page for the person: unknown client or redirect URI, no way back",
        "content": {"text/html": {"schema": {"type": "string"}}},
    },
    503: UNAVAILABLE,
}
AUTHORIZE: dict[str, Any] = {
    "summary": "Authorization endpoint",
    "responses": {302: _led_on("with the query as it came")} | _AUTHORIZE_RESPONSES,
    "openapi_extra": {
        "parameters": [
            query("client_id", "Client identifier", required=True) | {"example": EXAMPLE_ID},
            query("redirect_uri", "One of the registered redirect URIs"),
            query("state", "Given back as it is"),
        ]
    },
}
AUTHORIZE_BY_FORM: dict[str, Any] = {
    "summary": "Authorization endpoint, by form",
    "responses": {307: _led_on("where the form is sent again")} | _AUTHORIZE_RESPONSES,
    "openapi_extra": body("AuthorizationRequest", FORM),
}
ALIVE: dict[str, Any] = {
    "summary": "Liveness",
    "responses": {200: answer("The process answers", "Liveness")},
}
READY: dict[str, Any] = {
    "summary": "Readiness",
    "responses": {
        200: answer("Ready", "Readiness"),
        503: answer("Not ready, with the reason", "Readiness"),
    },
}
