"""Every refusal becomes an answer here: RFC 7591 3.2.2, RFC 6750 3, RFC 6749 5.2, RFC 9457."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import RouteContext
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from dcrserver.edge import asgardeo, problems
from dcrserver.edge.dependencies import USES_KEY, issuer, runtime
from dcrserver.edge.error_pages import as_page, navigates, prefers_html
from dcrserver.edge.responses import NO_STORE, json_response
from dcrserver.errors import (
    BearerError,
    InvalidClient,
    MissingToken,
    ProtocolError,
    TooManyRequests,
    Unavailable,
    UnknownToken,
)
from dcrserver.logger import Logger
from dcrserver.settings.wording import in_our_words
from dcrserver.strict_json import JsonObject

_log = Logger(__name__)
# What error_description may hold (RFC 6749 5.2, RFC 6750 3): printable ASCII less " and \.
_UNSPEAKABLE = re.compile(r"[^\x20-\x21\x23-\x5B\x5D-\x7E]")
_SLASHES = re.compile(r"/{2,}")
_MAX_DESCRIPTION = 1000
_SERVER_FAULTS = 500


def install(app: FastAPI) -> None:
    """Makes ``app`` answer errors as ``answer_to`` does."""

    async def handle(request: Request, error: Exception) -> Response:
        return answer_to(request, error)

    async def hide(request: Request, _: Exception) -> Response:
        return unexpected(request)  # and what it was goes on to the log

    for known in (ProtocolError, HTTPException, RequestValidationError, ClientDisconnect):
        app.add_exception_handler(known, handle)
    app.add_exception_handler(Exception, hide)


def answer_to(request: Request, error: Exception) -> Response:
    """The answer to a refusal, or to a request that nobody can serve."""
    if isinstance(error, ProtocolError):
        return _protocol_error(request, _unless_guessed(request, error))
    if isinstance(error, HTTPException):
        return _http_exception(request, error)
    if isinstance(error, RequestValidationError):
        return _invalid_parameters(request, error)
    return Response(status_code=400)  # the caller left while sending; nobody reads this


def unexpected(request: Request) -> Response:
    """The answer to a request that met a fault of ours."""
    return _answer(request, "server_error", "the server met an unexpected condition", 500)


def error_text(text: str) -> str:
    """``text`` with what an error description must not hold replaced."""
    cleaned = _UNSPEAKABLE.sub("?", text.replace('"', "'"))
    return cleaned if len(cleaned) <= _MAX_DESCRIPTION else f"{cleaned[:_MAX_DESCRIPTION]}..."


def error_body(code: str, description: str) -> dict[str, str]:
    return {"error": code, "error_description": error_text(description)}


def _answer(
    request: Request,
    code: str,
    description: str,
    status: int,
    headers: Mapping[str, str] = NO_STORE,
    *,
    mistakes: Sequence[JsonObject] = (),
    is_for_programs: bool = True,
) -> Response:
    """JSON, or a page for a browser; ``is_for_programs``: whoever merely likes HTML is none."""
    if problems.are_spoken(request):
        return problems.problem(code, description, status, headers, mistakes)
    if (own := asgardeo.refusal(request, code, error_text(description), status)) is not None:
        return json_response(own, status, headers)
    body = error_body(code, description)
    answer = json_response(body, status, headers)
    is_for_a_person = navigates if is_for_programs else prefers_html
    return as_page(request, answer, body) if is_for_a_person(request) else answer


def _protocol_error(request: Request, error: ProtocolError) -> Response:
    level = _log.warning if error.status >= _SERVER_FAULTS else _log.info
    level("refused", code=error.code, status=error.status, description=error.description,
          detail=error.detail)  # fmt: skip
    headers = dict(NO_STORE)
    if isinstance(error, BearerError):
        headers["WWW-Authenticate"] = _challenge(request, error)
    if isinstance(error, InvalidClient):
        headers["WWW-Authenticate"] = f'Basic realm="{issuer(request)}"'
    if isinstance(error, TooManyRequests | Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, TooManyRequests):
        request.scope[USES_KEY] = error.uses or request.scope.get(USES_KEY)
    mistakes = problems.mistakes_of(error)
    return _answer(request, error.code, error.description, error.status, headers, mistakes=mistakes)


def _unless_guessed(request: Request, error: ProtocolError) -> ProtocolError:
    """``error``, unless it tells an address that has failed too often that it failed again.

    Here, as there are many doors and all refuse by one error. Nobody is kept from trying a good
    token.
    """
    if not isinstance(error, UnknownToken):
        return error
    client = request.scope.get("client")
    seconds = runtime(request).guesses.unknown_bearer(client[0] if client else None)
    if not seconds:
        return error
    return TooManyRequests(f"{error.description}, too often", retry_after=seconds)


def _challenge(request: Request, error: BearerError) -> str:
    """RFC 6750 3: without any credentials the challenge carries no error code."""
    challenge = f'Bearer realm="{issuer(request)}"'
    if isinstance(error, MissingToken):
        return challenge
    return f'{challenge}, error="{error.code}", error_description="{error_text(error.description)}"'


def _http_exception(request: Request, error: HTTPException) -> Response:
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return _method_not_allowed(request)
    phrase = HTTPStatus(error.status_code).phrase
    hint = _hint(request) if error.status_code == HTTPStatus.NOT_FOUND else ""
    description = f"{phrase}: {request.url.path}{hint}"
    if problems.are_spoken(request) and error.detail != phrase:
        description = error.detail
    code = phrase.lower().replace(" ", "_")
    is_for_programs = "route" in request.scope
    return _answer(request, code, description, error.status_code, is_for_programs=is_for_programs)


def _invalid_parameters(request: Request, error: RequestValidationError) -> Response:
    """For FastAPI's ordinary routes: where the first mistake is, and never what was sent there."""
    if problems.are_spoken(request):
        return problems.unreadable(error)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return _answer(request, "invalid_request", f"{where}: {in_our_words(first)}", 422)


def _hint(request: Request) -> str:
    """What may be meant where a slash too many leads to nothing."""
    path = request.scope["path"]
    meant = _SLASHES.sub("/", path).rstrip("/")
    scope = {**request.scope, "path": meant, "raw_path": None}
    if meant == path or not meant or not any(_is_at(route, scope) for route in _routes(request)):
        return ""
    above = urlsplit(issuer(request)).path.rstrip("/")
    return f"; did you mean {above}{meant}, without the slash too many?"


def _method_not_allowed(request: Request) -> Response:
    """405 with the methods of all routes of this path (RFC 9110 15.5.6), or what OPTIONS asks."""
    methods: set[str] = set()
    for route in _routes(request):
        if _is_at(route, request.scope):
            methods |= route.methods or set()
    methods.discard(request.method)  # a route that is switched off
    methods.add("OPTIONS")
    if "GET" in methods:
        methods.add("HEAD")
    allow = {"Allow": ", ".join(sorted(methods))}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=allow)
    description = f"{request.method} is not allowed here"
    return _answer(request, "method_not_allowed", description, 405, NO_STORE | allow)


def _routes(request: Request) -> Sequence[RouteContext]:
    found: Sequence[RouteContext] = request.app.state.routes
    return found


def _is_at(route: RouteContext, scope: Scope) -> bool:
    return bool(route.matches(scope)[0] is not Match.NONE)
