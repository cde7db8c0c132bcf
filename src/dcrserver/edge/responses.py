"""Answers in JSON: serialised once, with the caching rules of OAuth or an entity tag."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from dcrserver.buckets import seconds_until
from dcrserver.edge.dependencies import header
from dcrserver.rate_limit import Uses
from dcrserver.strict_json import dumps

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_OF_CONTENT = frozenset({"content-type", "content-length"})
_CREDENTIAL_HEADERS = [
    (b"content-type", b"application/json"),
    *((name.lower().encode(), value.encode()) for name, value in NO_STORE.items()),
]


def json_response(
    content: object,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    return json_text(dumps(content), status, headers, media_type)


def json_text(
    text: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """``text`` is JSON already."""
    return Response(text.encode(), status, headers, media_type)


class Credentials(Response):
    """JSON text that nobody may keep; ``Response`` would make its headers anew for each."""

    def __init__(self, text: str, status: int = 200, *others: tuple[bytes, bytes]) -> None:
        self.status_code = status
        self.body = text.encode()
        self.background = None
        length = (b"content-length", b"%d" % len(self.body))
        self.raw_headers = [*_CREDENTIAL_HEADERS, length, *others]


def rate_limits(uses: Uses) -> list[tuple[bytes, bytes]]:
    """The fields RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers 3 and 4)."""
    policies = ", ".join(use.policy for use in uses if use.policy is not None)
    standing = ", ".join(
        f'"{use.name}";r={use.remaining};t={seconds_until(use.more_at)}' for use in uses
    )
    told = [(b"ratelimit-policy", policies.encode())] if policies else []
    return [*told, (b"ratelimit", standing.encode())]


def tagged(request: Request, text: str, etag: str, headers: Mapping[str, str]) -> Response:
    """JSON ``text``, or 304 for whoever has it (RFC 9110 13.1.2, 15.4.5)."""
    return not_modified(request, json_text(text, headers={"ETag": etag, **headers}))


def not_modified(request: Request, response: Response) -> Response:
    """``response``, or 304 for whoever has what it tells (RFC 9110 13.1.2, 15.4.5)."""
    etag = response.headers.get("etag")
    if etag is None or request.method != "GET" or response.status_code != HTTPStatus.OK:
        return response
    known = [each.strip() for each in header(request, b"if-none-match").split(",")]
    if etag not in known and f"W/{etag}" not in known and known != ["*"]:
        return response
    kept = {name: text for name, text in response.headers.items() if name not in _OF_CONTENT}
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)
