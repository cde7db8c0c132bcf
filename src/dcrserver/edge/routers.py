"""What makes routes of one kind: ``edge.routing`` has those of the protocols, and
``edge.administration`` those of administrators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from fastapi import APIRouter
from fastapi.routing import APIRoute

Declared = ParamSpec("Declared")
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


class Router(Generic[Declared]):
    """Makes routes below ``prefix``; ``api`` holds them for FastAPI.

    ``route``: their class, which is called with path, endpoint, method, tags (the one ``tag``, if
    there is one), and with what else each declares of itself.
    """

    def __init__(
        self,
        route: Callable[Concatenate[str, Callable[..., Any], str, list[str], Declared], APIRoute],
        prefix: str = "",
        tag: str = "",
    ) -> None:
        self.api = APIRouter()
        self._make = route
        self._prefix = prefix
        self._tags = [tag] if tag else []

    def get(
        self, path: str, *args: Declared.args, **declared: Declared.kwargs
    ) -> Callable[[_Endpoint], _Endpoint]:
        return self._route("GET", path, *args, **declared)

    def post(
        self, path: str, *args: Declared.args, **declared: Declared.kwargs
    ) -> Callable[[_Endpoint], _Endpoint]:
        return self._route("POST", path, *args, **declared)

    def put(
        self, path: str, *args: Declared.args, **declared: Declared.kwargs
    ) -> Callable[[_Endpoint], _Endpoint]:
        return self._route("PUT", path, *args, **declared)

    def patch(
        self, path: str, *args: Declared.args, **declared: Declared.kwargs
    ) -> Callable[[_Endpoint], _Endpoint]:
        return self._route("PATCH", path, *args, **declared)

    def delete(
        self, path: str, *args: Declared.args, **declared: Declared.kwargs
    ) -> Callable[[_Endpoint], _Endpoint]:
        return self._route("DELETE", path, *args, **declared)

    def _route(
        self, method: str, path: str, *args: Declared.args, **declared: Declared.kwargs
    ) -> Callable[[_Endpoint], _Endpoint]:
        def add(endpoint: _Endpoint) -> _Endpoint:
            made = self._make(self._prefix + path, endpoint, method, self._tags, *args, **declared)
            self.api.routes.append(made)
            return endpoint

        return add
