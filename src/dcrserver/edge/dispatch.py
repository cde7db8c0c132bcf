"""The short way to a route's endpoint.

The endpoint of a protocol route takes the request and returns the response; of what FastAPI does
around one (dependencies, body binding, exit stacks) nothing is used, and it costs more than the
endpoint. So these routes, which FastAPI documents, are called directly; it answers all the rest:
its ordinary routes, and what is at no route.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from re import Pattern
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from dcrserver.edge.dependencies import (
    RUNTIME_KEY,
    TENANT_KEY,
    UNDIVIDED_KEY,
    UNROUTED_KEY,
    tenant,
)
from dcrserver.edge.errors import answer_to
from dcrserver.edge.routing import Offered, ProtocolRoute
from dcrserver.errors import ProtocolError, TooManyRequests
from dcrserver.limits import Stage, Subject
from dcrserver.tenants import Tenant
from dcrserver.wiring.runtime import Runtime

# Whoever asks these looks after the server.
_ALWAYS = ("/admin/", "/healthz", "/readyz", "/metrics")


class Dispatcher:
    """``rest`` gets what is for none of the ``routes``."""

    def __init__(
        self, app: FastAPI, routes: Sequence[ProtocolRoute], rest: ASGIApp, runtime: Runtime
    ) -> None:
        self._app = app
        self._rest = rest
        self._runtime = runtime
        self._fixed: dict[tuple[str, str], ProtocolRoute] = {}
        self._templates: list[tuple[Pattern[str], frozenset[str], ProtocolRoute]] = []
        for route in routes:
            methods = frozenset(route.methods or ())
            if "{" in route.path:
                self._templates.append((route.path_regex, methods, route))
            else:
                self._fixed.update({(method, route.path): route for method in methods})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[RUNTIME_KEY] = self._runtime
        if scope[TENANT_KEY].limits.count_requests and (error := self._refusal(scope)):
            scope.update(app=self._app)
            await answer_to(Request(scope, receive), error)(scope, receive, send)
            return
        route, parameters = self._find(scope)
        if route is None:
            _keep_undivided(scope)
            await self._rest(scope, receive, send)
            return
        scope.update(app=self._app, route=route, path_params=parameters)
        request = Request(scope, receive)
        try:
            if route.offered is not None:
                _must_be_offered(route.offered, request)
            response = await route.endpoint(request)
        except (ProtocolError, HTTPException, ClientDisconnect) as error:
            response = answer_to(request, error)
        await response(scope, receive, send)

    def _refusal(self, scope: Scope) -> TooManyRequests | None:
        """Why the request is not looked at; those who end a flood, or look for it, are let in."""
        if scope["path"].startswith(_ALWAYS):
            return None
        here: Tenant = scope[TENANT_KEY]
        try:
            self._runtime.limiter.attempt(Stage.REQUEST, here.limits, Subject(here.name), [])
        except TooManyRequests as error:
            scope[UNROUTED_KEY] = "(limited)"
            return error
        return None

    def _find(self, scope: Scope) -> tuple[ProtocolRoute | None, Mapping[str, Any]]:
        method, path = scope["method"], scope["path"]
        route = self._fixed.get((method, path))
        if route is not None:
            return route, {}
        spelt = _spelt(scope)
        for pattern, methods, route in self._templates:
            if method in methods and (found := pattern.match(spelt)):
                return route, found.groupdict() if spelt is path else _decoded(found.groupdict())
        return None, {}


def _must_be_offered(offered: Offered, request: Request) -> None:
    if not offered(tenant(request)):
        raise HTTPException(404)


def _spelt(scope: Scope) -> str:
    """The path below the tenant's as it was sent: a slash in an identifier is %2F there.

    As it is decoded where no escape was sent, or one in the part that belongs to the tenant.
    """
    path: str = scope["path"]
    sent: bytes = scope.get("raw_path") or b""
    if b"%" not in sent:
        return path
    spelt = sent.decode("latin-1").split("/", scope[TENANT_KEY].path.count("/") + 1)[-1]
    return f"/{spelt}" if unquote(f"/{spelt}") == path else path


def _keep_undivided(scope: Scope) -> None:
    """For those who know one path only: a slash in an identifier is none of it."""
    if "%2f" in (spelt := _spelt(scope)).lower():
        scope["path"] = spelt
        scope[UNDIVIDED_KEY] = True


def _decoded(parameters: Mapping[str, str]) -> Mapping[str, str]:
    return {name: unquote(value) for name, value in parameters.items()}
