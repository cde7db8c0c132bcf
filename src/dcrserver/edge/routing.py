"""Routes of the protocols: they take the request, return the response, and say who may call them.

``edge.dispatch`` calls their endpoints directly, so that nothing of FastAPI's binding of parameters
happens for them. Whatever wants that is an ordinary route of FastAPI's, in an ``APIRouter``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Literal, TypeAlias, TypedDict, Unpack

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
    "administrator_or_statement",
]
Offered: TypeAlias = Callable[[Tenant], bool]

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
    "administrator_or_statement": [{"admin_token": []}, {}],
}


class Description(TypedDict, total=False):
    """What OpenAPI says of a route, in the words of FastAPI."""

    summary: str
    operation_id: str
    status_code: int
    responses: dict[int | str, dict[str, Any]]
    openapi_extra: dict[str, Any]
    include_in_schema: bool


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
        tags: Sequence[str],
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
        super().__init__(
            path, endpoint, methods=[method], tags=list[str | Enum](tags),
            response_class=Response, **told,
        )  # fmt: skip


def _check(endpoint: Callable[..., Any]) -> None:
    """
    Raises:
        TypeError: it is no coroutine function from the request alone to a response.
    """
    signature = inspect.signature(endpoint, eval_str=True)
    takes = [parameter.annotation for parameter in signature.parameters.values()]
    gives = signature.return_annotation
    is_response = isinstance(gives, type) and issubclass(gives, Response)
    if takes != [Request] or not is_response or not inspect.iscoroutinefunction(endpoint):
        raise TypeError(
            f"{endpoint.__module__}.{endpoint.__qualname__}: an endpoint of a protocol route is"
            " async, takes the Request alone and returns a Response; other signatures are for an"
            " APIRouter of FastAPI"
        )
