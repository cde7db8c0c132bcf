"""Answers to what is no request: the connection ends with them."""

from __future__ import annotations

from dataclasses import dataclass

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from dcrserver.edge.errors import error_body
from dcrserver.strict_json import dumps


@dataclass(frozen=True)
class Refusal:
    """A whole answer, and the word under which it is counted."""

    reason: str
    answer: bytes


def _refusal(reason: str, status: int, code: str, text: str, *lines: str) -> Refusal:
    body = dumps(error_body(code, text)).encode()
    head = [
        "content-type: application/json",
        "cache-control: no-store",
        f"content-length: {len(body)}",
        "connection: close",
        *lines,
    ]
    return Refusal(
        reason, STATUS_LINE[status] + "\r\n".join([*head, "", ""]).encode("ascii") + body
    )


MALFORMED = _refusal("malformed", 400, "invalid_request", "the request is not valid HTTP/1.1")
HEAD_TOO_LARGE = _refusal(
    "head_too_large", 431, "invalid_request", "the head of the request is too large"
)
TOO_SLOW = _refusal("too_slow", 408, "invalid_request", "the request did not arrive in time")
TOO_MANY = _refusal(
    "too_many",
    503,
    "temporarily_unavailable",
    "too many connections are open; try again later",
    "retry-after: 1",
)
