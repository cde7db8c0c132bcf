"""Answers in JSON: serialised once, with the caching rules of OAuth."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from dcrserver.strict_json import dumps

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def json_response(
    content: object,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    return Response(dumps(content).encode(), status, headers, media_type)
