"""Routes of the administrators' API: ordinary ones of FastAPI's, with what all of them need.

Each demands a scope. Who calls, and about which tenant, is settled before the body is read; the
body is bounded while it is read, and strict JSON, before a model sees it. An endpoint takes
``caller: CallerOf`` (``edge.callers``), models, and whatever else FastAPI gives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from typing import Any, Required, TypeAlias, TypedDict, Unpack
from urllib.parse import unquote

from fastapi import Depends
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from dcrserver.edge import problems
from dcrserver.edge.body import JSON, strict_json
from dcrserver.edge.callers import authorize, caller_of
from dcrserver.edge.dependencies import UNDIVIDED_KEY
from dcrserver.edge.parameters import NUL, Parameters
from dcrserver.edge.responses import not_modified
from dcrserver.edge.selection import Selection
from dcrserver.errors import NotFound
from dcrserver.services.access.scopes import SCOPES
from dcrserver.strict_json import JsonValue

_Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
# Of every route; and of those that take a body.
_ANY = (400, 401, 403, 404, 503)
_WITH_BODY = (408, 413, 415)


class Declaration(TypedDict, total=False):
    """What a route says of itself.

    ``scope``: what its callers need. ``accepts``: the media types of its body. ``free``: beginnings
    of the names of parameters that its model does not list. ``refusals``: statuses of its problems
    beside those of every route. The rest are FastAPI's words.
    """

    scope: Required[str]
    accepts: Sequence[str]
    free: Sequence[str]
    refusals: Sequence[int]
    summary: Required[str]
    operation_id: Required[str]
    status_code: int
    response_model: Any
    responses: dict[int | str, dict[str, Any]]
    openapi_extra: dict[str, Any]


class AdminRoute(APIRoute):
    """A route below /admin/v1 that lets nobody in without ``scope``; see the module."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        method: str,
        tags: Sequence[str],
        **declared: Unpack[Declaration],
    ) -> None:
        """
        Raises:
            TypeError: it declares no scope.
            ValueError: there is no such scope.
        """
        told: dict[str, Any] = dict(declared)
        self.scope = _scope_of(endpoint, told.pop("scope", None))
        self.accepts = tuple(told.pop("accepts", (JSON,)))
        free, refusals = told.pop("free", ()), told.pop("refusals", ())
        told["openapi_extra"] = {"security": [{"admin_token": [self.scope]}]} | told.get(
            "openapi_extra", {}
        )
        takes_body = method in {"POST", "PUT", "PATCH"}
        told["responses"] = _problems(
            (*_ANY, *(_WITH_BODY if takes_body else ()), *refusals)
        ) | told.get("responses", {})
        is_empty = told.get("status_code") == HTTPStatus.NO_CONTENT
        if is_empty or "content" in told["responses"].get(HTTPStatus.OK, {}):
            # A class without a media type of its own: FastAPI adds no JSON to what is described,
            # or is not there.
            told["response_class"] = Response
        super().__init__(
            problems.ROOT + path, endpoint, methods=[method], tags=list[str | Enum](tags),
            dependencies=[Depends(caller_of)], **told,
        )  # fmt: skip
        self.selection = Selection.of(self.response_model) if method == "GET" else None
        if self.selection is not None:
            extra = self.openapi_extra or {}
            self.openapi_extra = extra | {"parameters": [self.selection.described]}
        names = ["fields"] if self.selection else []
        self._parameters = Parameters.of(self.dependant, names, free)

    def get_route_handler(self) -> _Handler:
        """FastAPI's own, after what it must not begin without."""
        handle = super().get_route_handler()

        async def administer(request: Request) -> Response:
            await authorize(request, self.scope)
            self._parameters.check(request)
            chosen = self.selection.chosen(request) if self.selection else None
            if UNDIVIDED_KEY in request.scope:
                found = request.scope["path_params"].items()
                request.scope["path_params"] = {name: unquote(text) for name, text in found}
            if any(NUL in str(part) for part in request.scope["path_params"].values()):
                raise NotFound("nothing has a name with U+0000")
            if self.body_field is not None:
                octets, value = await strict_json(request, self.accepts)
                request = _ReadRequest(request.scope, request.receive, octets, value)
            response = await handle(request)
            if self.selection is not None and not self.selection.is_page:
                _tag(response)
            if chosen is not None and response.status_code == HTTPStatus.OK:
                response = chosen.of(response)
            response.headers.setdefault("Cache-Control", "no-store")
            return not_modified(request, response)

        return administer


class _ReadRequest(Request):
    """A request whose body was read, as FastAPI documents to bring one's own."""

    def __init__(self, scope: Scope, receive: Receive, octets: bytes, value: JsonValue) -> None:
        super().__init__(scope, receive)
        self._octets = octets
        self._value = value

    async def body(self) -> bytes:
        return self._octets

    async def json(self) -> JsonValue:
        return self._value


def _tag(response: Response) -> None:
    """Gives what has no version an entity tag by what it says."""
    if response.status_code == HTTPStatus.OK and "etag" not in response.headers:
        digest = hashlib.sha256(bytes(response.body)).hexdigest()
        response.headers["ETag"] = f'"{digest[:32]}"'


def _scope_of(endpoint: Callable[..., Any], declared: object) -> str:
    name = f"{endpoint.__module__}.{endpoint.__qualname__}"
    if declared is None:
        raise TypeError(f"{name}: a route of administrators needs a scope")
    if declared not in SCOPES:
        raise ValueError(f"{name}: {declared}: no such scope")
    return str(declared)


def _problems(statuses: Sequence[int]) -> dict[int | str, dict[str, Any]]:
    schema = {"$ref": "#/components/schemas/Problem"}
    content: Mapping[str, Any] = {problems.MEDIA_TYPE: {"schema": schema}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }
