"""Refusals of the administrators' API as problem details: application/problem+json (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.edge.responses import NO_STORE, json_response
from dcrserver.errors import BadChoice, InvalidInput, ProtocolError, RegistrationError
from dcrserver.json_patch import pointer
from dcrserver.settings.wording import in_our_words
from dcrserver.strict_json import JsonObject

MEDIA_TYPE = "application/problem+json"
# Below the path of a tenant's issuer.
ROOT = "/admin/v1"
# Where requests of this API keep what is judged as a registration is.
_METADATA = ("metadata",)
# What the status tells better than the words of registrations.
_BY_STATUS = {409: "conflict", 413: "body_too_large", 415: "unsupported_media_type"}
_MAX_MISTAKES = 50


def are_spoken(request: Request) -> bool:
    """Whether this request is answered with problems: it is for the administrators' API."""
    path: str = request.scope["path"]
    return path == ROOT or path.startswith(f"{ROOT}/")


def problem(
    code: str,
    detail: str,
    status: int,
    headers: Mapping[str, str] = NO_STORE,
    mistakes: Sequence[JsonObject] = (),
) -> Response:
    """A problem: ``code`` is for programs, ``detail`` for people.

    ``mistakes``: each with where it is, a ``pointer`` into the body or the name of a ``parameter``.
    """
    made: JsonObject = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": _BY_STATUS.get(status, code),
    }
    if mistakes:
        made["errors"] = list(mistakes[:_MAX_MISTAKES])
    return json_response(made, status, headers, MEDIA_TYPE)


def mistakes_of(error: ProtocolError) -> list[JsonObject]:
    """What ``error`` says of single members and parameters."""
    if isinstance(error, RegistrationError):
        where = () if isinstance(error, BadChoice) else _METADATA
        return [
            {"pointer": pointer((*where, issue.member)), "detail": issue.text}
            for issue in error.mistakes
        ]
    if isinstance(error, InvalidInput):
        places = {"pointer": error.pointer, "parameter": error.parameter}
        told: JsonObject = {name: text for name, text in places.items() if text is not None}
        return [told | {"detail": error.description}] if told else []
    return []


def unreadable(error: RequestValidationError) -> Response:
    """400 for what a model does not take: where each mistake is, and never what was sent there."""
    detail, mistakes = in_words(error.errors())
    return problem("invalid_request", detail, 400, NO_STORE, mistakes)


def in_words(errors: Sequence[Mapping[str, Any]]) -> tuple[str, list[JsonObject]]:
    """What a model does not take, as pydantic tells it: the first in a sentence, and all."""
    mistakes = [_mistake(each["loc"], in_our_words(each)) for each in errors]
    first = mistakes[0]
    where = first.get("parameter") or first["pointer"]
    return f"{where}: {first['detail']}", mistakes


def _mistake(place: Sequence[object], detail: str) -> JsonObject:
    if place[0] == "body":
        return {"pointer": pointer(place[1:]), "detail": detail}
    return {"parameter": ".".join(str(part) for part in place[1:]), "detail": detail}
