"""What OpenAPI says of routes that read their body themselves: bodies, examples, every error.

What it says of FastAPI's ordinary routes stands beside that, as FastAPI makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from dcrserver.api.openapi.groups import GROUPS, SECURITY_SCHEMES
from dcrserver.api.openapi.parts import (
    CLIENT_ID,
    FORBIDDEN,
    IDEMPOTENCY_KEY,
    INVALID,
    NO_CLIENT,
    NO_SCOPE,
    NOT_JSON,
    RATE_LIMITS,
    TOO_LARGE,
    TOO_MANY,
    TOO_SLOW,
    UNAUTHORIZED,
    UNAVAILABLE,
    answer,
    body,
    error,
    query,
    registration_body,
)
from dcrserver.edge import problems
from dcrserver.edge.routing import Offered, ProtocolRoute
from dcrserver.metadata.model import Parameter
from dcrserver.schemas import clients, wire
from dcrserver.tenants import Tenant

REGISTER: dict[str, Any] = {
    "summary": "Register a client",
    "operation_id": "register",
    "responses": {
        201: answer("Registered", "ClientInformation")
        | {"headers": {"Location": {"schema": {"type": "string", "format": "uri"}}} | RATE_LIMITS},
        400: INVALID,
        401: UNAUTHORIZED,
        403: FORBIDDEN,
        408: TOO_SLOW,
        409: error(
            "The client_id that an administrator chose is taken; conflict: what was answered to the"
            " same Idempotency-Key cannot be told again",
            "invalid_client_metadata",
            "client_id is that of another client",
        ),
        413: TOO_LARGE,
        415: NOT_JSON,
        422: error(
            "The Idempotency-Key was sent with another body before",
            "idempotency_key_reused",
            "the Idempotency-Key was used for another request",
        ),
        429: TOO_MANY,
        503: UNAVAILABLE,
    },
    "openapi_extra": IDEMPOTENCY_KEY | registration_body("ClientMetadata"),
}
VALIDATE: dict[str, Any] = {
    "summary": "Try a registration",
    "operation_id": "validate",
    "responses": {
        200: answer("What registering the same body would do", "Explanation"),
        400: INVALID,
        401: UNAUTHORIZED,
        403: FORBIDDEN,
        404: error(
            "Not offered in open mode unless configured",
            "not_found",
            "Not Found: /register/validate",
        ),
        408: TOO_SLOW,
        413: TOO_LARGE,
        415: NOT_JSON,
        429: TOO_MANY,
        503: UNAVAILABLE,
    },
    "openapi_extra": body("ClientMetadata"),
}
BY_NAME: dict[str, Any] = {
    "summary": "Find registrations by name",
    "operation_id": "find_by_name",
    "responses": {
        200: answer("All that have the name, newest first", "ClientInformationList"),
        400: error(
            "No name, several, or one that too many clients have",
            "invalid_request",
            "exactly one client_name parameter is required",
        ),
        401: UNAUTHORIZED,
        403: NO_SCOPE,
        503: UNAVAILABLE,
    },
    "openapi_extra": {
        "parameters": [
            query("client_name", "the exact client_name, in its own case", required=True)
            | {"example": "Example client"}
        ]
    },
}
READ: dict[str, Any] = {
    "summary": "Read a registration",
    "operation_id": "read",
    "responses": {
        200: answer("The registration", "ClientInformation"),
        400: INVALID,
        401: UNAUTHORIZED,
        403: NO_SCOPE,
        404: NO_CLIENT,
        503: UNAVAILABLE,
    },
    "openapi_extra": CLIENT_ID,
}
UPDATE: dict[str, Any] = {
    "summary": "Replace a registration",
    "operation_id": "update",
    "responses": {
        200: answer("The new registration, with a new token", "ClientInformation"),
        400: INVALID,
        401: UNAUTHORIZED,
        403: NO_SCOPE,
        404: NO_CLIENT,
        408: TOO_SLOW,
        413: TOO_LARGE,
        415: NOT_JSON,
        503: UNAVAILABLE,
    },
    "openapi_extra": CLIENT_ID | registration_body("ClientUpdate"),
}
DELETE: dict[str, Any] = {
    "summary": "Delete a registration",
    "operation_id": "delete",
    "responses": {
        204: {"description": "Gone"},
        400: INVALID,
        401: UNAUTHORIZED,
        403: NO_SCOPE,
        404: NO_CLIENT,
        405: error(
            "Deletion is not offered",
            "method_not_allowed",
            "DELETE is not allowed here",
        ),
        503: UNAVAILABLE,
    },
    "openapi_extra": CLIENT_ID,
}


# FastAPI's words for a refusal that ``edge.errors`` answers in the shape of all others.
_REFUSALS = {"HTTPValidationError", "ValidationError"}


class Document(NamedTuple):
    """What is described here; ``conditions``: see ``_conditions``."""

    whole: dict[str, Any]
    conditions: Mapping[tuple[str, str], Offered]

    def install(
        self, app: FastAPI, tenants: Iterable[Tenant], members: Iterable[Parameter]
    ) -> None:
        """Makes ``app.openapi()`` this, less what none of ``tenants`` offers, with the ``members``
        of client metadata that the operator declared.
        """
        offered = self._with(members).less_what_nobody_offers
        # The way FastAPI documents to bring a document of one's own.
        app.openapi = partial(offered, tenants)  # type: ignore[method-assign]

    def _with(self, members: Iterable[Parameter]) -> Document:
        components = self.whole["components"]
        shapes = components["schemas"] | clients.declared(members)
        whole = self.whole | {"components": components | {"schemas": shapes}}
        return self._replace(whole=whole)

    def less_what_nobody_offers(self, tenants: Iterable[Tenant]) -> dict[str, Any]:
        """The document that ``tenants`` publish: without operations that none of them offers."""
        offered = {
            condition: any(tenant.waits or condition(tenant) for tenant in tenants)
            for condition in set(self.conditions.values())
        }
        on = {
            path: {
                method: operation
                for method, operation in item.items()
                if (condition := self.conditions.get((path, method))) is None or offered[condition]
            }
            for path, item in self.whole["paths"].items()
        }
        return self.whole | {"paths": {path: item for path, item in on.items() if item}}


def made(title: str, version: str, description: str, routes: Sequence[BaseRoute]) -> Document:
    """The document of ``routes``.

    Raises:
        ValueError: a model of an ordinary route has the name of a schema of ours.
    """
    whole = get_openapi(title=title, version=version, description=description, routes=routes)
    _without_unprocessable(whole["paths"])
    _with_guesses(whole["paths"])
    whole["tags"] = GROUPS
    whole["components"] = _merged(whole.get("components", {}))
    return Document(whole, _conditions(routes))


def _without_unprocessable(paths: Mapping[str, Any]) -> None:
    """Takes away what FastAPI adds to routes of ours that refuse by other statuses."""
    for path, item in paths.items():
        if path.startswith(problems.ROOT):
            for operation in item.values():
                if "HTTPValidationError" in str(operation["responses"].get("422", "")):
                    del operation["responses"]["422"]


def _with_guesses(paths: Mapping[str, Any]) -> None:
    """Adds how every door of administrators answers whoever tries too many tokens."""
    for item in paths.values():
        for operation in item.values():
            answers = operation["responses"]
            if any("admin_token" in each for each in operation.get("security", ())):
                answers.setdefault("429", _too_many_guesses(answers["401"]["content"]))


def _too_many_guesses(refusal: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "description": "Too many admin tokens that nobody knows came from this address",
        "headers": {"Retry-After": {"schema": {"type": "string"}}},
        "content": {kind: {"schema": told["schema"]} for kind, told in refusal.items()},
    }


def _conditions(routes: Sequence[BaseRoute]) -> dict[tuple[str, str], Offered]:
    """By path and method, which tenants offer an operation that not all do."""
    found = [each.original_route for each in iter_route_contexts(routes)]
    return {
        (route.path, method.lower()): route.offered
        for route in found
        if isinstance(route, ProtocolRoute) and route.offered is not None
        for method in route.methods or ()
    }


def _merged(components: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """``components`` that FastAPI found, and those of the protocols.

    Raises:
        ValueError: both have one of the same name.
    """
    own = {"schemas": wire.components(), "securitySchemes": SECURITY_SCHEMES}
    others = {kind: dict(found) for kind, found in components.items()}
    models = others.setdefault("schemas", {})
    if _REFUSALS & models.keys():
        models = {name: model for name, model in models.items() if name not in _REFUSALS}
        others["schemas"] = models | {"HTTPValidationError": own["schemas"]["Error"]}
    for kind, named in own.items():
        if twice := named.keys() & others.get(kind, {}).keys():
            raise ValueError(f"components/{kind}: {sorted(twice)} are there twice")
    return {kind: others.get(kind, {}) | own.get(kind, {}) for kind in own.keys() | others.keys()}
