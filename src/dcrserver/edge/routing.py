"""Routes of the protocols: they take the request, return the response, and say who may call them.

``edge.dispatch`` calls their endpoints directly, so that nothing of FastAPI's binding of parameters
happens for them. Whatever wants that is an ordinary route of FastAPI's, in an ``APIRouter``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from enum import Enum
from typing import Any, Literal, Required, TypeAlias, TypedDict, TypeVar, Unpack

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.tenants import Tenant

Access: TypeAlias = Literal[
    "public",
    "operations",
    "initial_access_token",
    "registration_access_token",
    "client",
    "client_or_administrator",
    "administrator",
]
Offered: TypeAlias = Callable[[Tenant], bool]
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Coroutine[Any, Any, Response]])

# What OpenAPI says of each: one of these is enough, and {} is nothing at all. Administrators use
# the routes of clients, too, with the scope for it. Whoever may reach the paths for operations is
# decided by the network.
SECURITY: Mapping[Access, Sequence[Mapping[str, Sequence[str]]]] = {
    "public": [],
    "operations": [],
    "initial_access_token": [{}, {"initial_access_token": []}, {"admin_token": []}],
    "registration_access_token": [{"registration_access_token": []}, {"admin_token": []}],
    "client": [{}, {"client": []}],
    "client_or_administrator": [{"admin_token": []}, {"client": []}, {}],
    "administrator": [{"admin_token": []}],
}


class Description(TypedDict, total=False):
    """What OpenAPI says of a route, in the words of FastAPI."""

    summary: str
    operation_id: str
    tags: list[str | Enum]
    status_code: int
    responses: dict[int | str, dict[str, Any]]
    openapi_extra: dict[str, Any]
    include_in_schema: bool


class Declaration(Description, total=False):
    """What a protocol route says of itself; see ``ProtocolRoute``."""

    access: Required[Access]
    offered: Offered


class ProtocolRoute(APIRoute):
    """A route whose endpoint is called with the request and nothing else.

    ``access``: whom its endpoint lets in, by what they prove themselves with. ``offered``: which
    tenants have it; where one has not, there is nothing (404), and OpenAPI tells of what any has.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        method: str,
        *,
        access: Access,
        offered: Offered | None = None,
        **described: Unpack[Description],
    ) -> None:
        """
        Raises:
            TypeError: the endpoint cannot be called so.
        """
        _check(endpoint)
        self.access = access
        self.offered = offered
        security = {"security": SECURITY[access]} if SECURITY[access] else {}
        extra = described.get("openapi_extra", {}) | security
        told: Description = {**described, "openapi_extra": extra}
        # A class without a media type of its own: FastAPI adds no answer to those described.
        super().__init__(path, endpoint, methods=[method], response_class=Response, **told)


class ProtocolRouter:
    """Makes protocol routes; ``api`` holds them for FastAPI.

    Every route has to declare its ``access``; the rest is what ``APIRouter`` takes.
    """

    def __init__(self, prefix: str = "", tags: Sequence[str] = ()) -> None:
        self.api = APIRouter()
        self._prefix = prefix
        self._tags = tags

    def get(self, path: str, **declared: Unpack[Declaration]) -> Callable[[_Endpoint], _Endpoint]:
        return self._route("GET", path, declared)

    def post(self, path: str, **declared: Unpack[Declaration]) -> Callable[[_Endpoint], _Endpoint]:
        return self._route("POST", path, declared)

    def put(self, path: str, **declared: Unpack[Declaration]) -> Callable[[_Endpoint], _Endpoint]:
        return self._route("PUT", path, declared)

    def patch(self, path: str, **declared: Unpack[Declaration]) -> Callable[[_Endpoint], _Endpoint]:
        return self._route("PATCH", path, declared)

    def delete(
        self, path: str, **declared: Unpack[Declaration]
    ) -> Callable[[_Endpoint], _Endpoint]:
        return self._route("DELETE", path, declared)

    def _route(
        self, method: str, path: str, declared: Declaration
    ) -> Callable[[_Endpoint], _Endpoint]:
        told: Declaration = {"tags": [*self._tags], **declared}

        def add(endpoint: _Endpoint) -> _Endpoint:
            self.api.routes.append(ProtocolRoute(self._prefix + path, endpoint, method, **told))
            return endpoint

        return add


def _check(endpoint: Callable[..., Any]) -> None:
    """
    Raises:
        TypeError: it is no coroutine function of the request alone.
    """
    parameters = inspect.signature(endpoint, eval_str=True).parameters.values()
    takes = [parameter.annotation for parameter in parameters]
    if takes != [Request] or not inspect.iscoroutinefunction(endpoint):
        raise TypeError(
            f"{endpoint.__module__}.{endpoint.__qualname__}: an endpoint of a protocol route is"
            " async and takes the Request alone; other signatures are for an APIRouter of FastAPI"
        )
