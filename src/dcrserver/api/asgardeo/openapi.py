"""What OpenAPI says of the paths of Asgardeo's API."""

from __future__ import annotations

from typing import Any

from dcrserver.api.openapi.parts import CLIENT_ID, answer, body, query

_REFUSAL = "AsgardeoError"


def _refused(description: str, *headers: str) -> dict[str, Any]:
    told = {name: {"schema": {"type": "string"}} for name in headers}
    return answer(description, _REFUSAL) | ({"headers": told} if told else {})


_ANY: dict[int | str, Any] = {
    400: _refused("The request, or the metadata, is not acceptable"),
    401: _refused("No administrator's token, or no good one", "WWW-Authenticate"),
    403: _refused("It is for something else", "WWW-Authenticate"),
    503: _refused("The database does not answer", "Retry-After"),
}
_BODY: dict[int | str, Any] = {
    408: _refused("The body did not arrive in time"),
    413: _refused("The body is too large"),
    415: _refused("The body is not application/json"),
}
_MISSING: dict[int | str, Any] = {404: _refused("There is no such client")}
_TAKEN: dict[int | str, Any] = {409: _refused("Another client has this name, or this client_id")}
_NOT_HERE: dict[int | str, Any] = {404: _refused("These paths are not offered here")}
_TOO_MANY: dict[int | str, Any] = {
    429: _refused("Too many registrations, or tokens that nobody knows", "Retry-After")
}
_FOUND = answer("The registration", "AsgardeoClient")

CREATE: dict[str, Any] = {
    "summary": "Register a client",
    "operation_id": "asgardeo_create",
    "responses": {
        201: answer("Registered", "AsgardeoClient")
        | {"headers": {"Location": {"schema": {"type": "string", "format": "uri"}}}},
        **_ANY, **_BODY, **_NOT_HERE, **_TAKEN, **_TOO_MANY,
    },
    "openapi_extra": body("AsgardeoRegistration"),
}  # fmt: skip
FIND: dict[str, Any] = {
    "summary": "Find a client by its name",
    "operation_id": "asgardeo_find",
    "responses": {200: _FOUND, **_ANY, **_MISSING},
    "openapi_extra": {
        "parameters": [
            query("client_name", "its client_name, to the letter", required=True)
            | {"example": "Example client"}
        ]
    },
}
READ: dict[str, Any] = {
    "summary": "Read a registration",
    "operation_id": "asgardeo_read",
    "responses": {200: _FOUND, **_ANY, **_MISSING},
    "openapi_extra": CLIENT_ID,
}
UPDATE: dict[str, Any] = {
    "summary": "Replace a registration",
    "operation_id": "asgardeo_update",
    "responses": {200: _FOUND, **_ANY, **_BODY, **_MISSING, **_TAKEN},
    "openapi_extra": CLIENT_ID | body("AsgardeoRegistration"),
}
DELETE: dict[str, Any] = {
    "summary": "Delete a registration",
    "operation_id": "asgardeo_delete",
    "responses": {204: {"description": "Gone"}, **_ANY, **_MISSING},
    "openapi_extra": CLIENT_ID,
}


def _configuration_refused(description: str, *headers: str) -> dict[str, Any]:
    told = {name: {"schema": {"type": "string"}} for name in headers}
    made = answer(description, "AsgardeoConfigurationError")
    return made | ({"headers": told} if told else {})


_OF_CONFIGURATION: dict[int | str, Any] = {
    400: _configuration_refused("The operations, or what comes of them, are not acceptable"),
    401: _configuration_refused("No administrator's token, or no good one", "WWW-Authenticate"),
    403: _configuration_refused("It is for something else", "WWW-Authenticate"),
    404: _configuration_refused("These paths are not offered here"),
    503: _configuration_refused("The database does not answer", "Retry-After"),
}
READ_CONFIGURATION: dict[str, Any] = {
    "summary": "Show what is configured",
    "operation_id": "asgardeo_read_configuration",
    "responses": {
        200: answer("The configuration", "AsgardeoConfiguration"),
        **_OF_CONFIGURATION,
    },
}
CHANGE_CONFIGURATION: dict[str, Any] = {
    "summary": "Change what is configured",
    "operation_id": "asgardeo_change_configuration",
    "responses": {
        200: {"description": "Changed; there is no body"},
        **_OF_CONFIGURATION,
        408: _configuration_refused("The body did not arrive in time"),
        413: _configuration_refused("The body is too large"),
        415: _configuration_refused("The body is neither JSON nor a JSON Patch"),
    },
    "openapi_extra": body("AsgardeoPatch"),
}
