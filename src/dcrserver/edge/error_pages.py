"""Refusals that a person sees: a browser that goes somewhere gets a page, a program JSON.

Programs get JSON also where their library says that it likes HTML best, as Java's own does.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.edge import html
from dcrserver.edge.dependencies import REQUEST_ID_KEY, TENANT_KEY, header

_HTML, _JSON = "text/html", "application/json"
# Every browser takes it, and no library asks for it by itself.
_BROWSERS_OWN = "application/xhtml+xml"
_WHAT_NOW = {
    400: "Whoever sent you here made a mistake in the request. Nothing was changed.",
    401: "This address is for programs that bring a token. The documentation says which.",
    403: "What you brought does not allow this.",
    404: "Nothing is at this address. It may be misspelt, or switched off on this server.",
    405: "This address is for programs, which call it in another way. The documentation says how.",
    429: "Please wait a little, and try again.",
    500: "It was not your fault. Whoever runs this server finds the request by its id in the log.",
    503: "The server cannot do this right now. Please try again in a moment.",
}


def prefers_html(request: Request) -> bool:
    """Whether ``Accept`` names HTML, and nothing for programs that it likes as well or better."""
    accept = header(request, b"accept")
    if _HTML not in accept:
        return False
    weights = dict(map(_weighed, accept.split(",")))
    html_weight = weights.get(_HTML, 0.0)
    return html_weight > 0 and html_weight > weights.get(_JSON, 0.0)


def navigates(request: Request) -> bool:
    """Whether a browser goes there, for a person to see: Fetch Metadata, if it says so at all."""
    mode = header(request, b"sec-fetch-mode")
    goes = mode == "navigate" if mode else _BROWSERS_OWN in header(request, b"accept")
    return goes and prefers_html(request)


def as_page(request: Request, answer: Response, told: dict[str, str]) -> Response:
    """A page in place of ``answer``, with its status and headers; ``told``: what that says."""
    status = HTTPStatus(answer.status_code)
    tenant = request.scope.get(TENANT_KEY)
    page = html.page(
        "error.html",
        status.value,
        title=status.phrase,
        number=status.value,
        what_now=_WHAT_NOW.get(status.value, ""),
        told=told,
        request_id=request.scope.get(REQUEST_ID_KEY, ""),
        base=tenant.path if tenant else "",
    )
    headers = MutableHeaders(raw=page.raw_headers)
    for name, value in answer.headers.items():
        if name not in {"content-type", "content-length"}:
            headers[name] = value
    headers.add_vary_header("Accept")
    return page


def _weighed(part: str) -> tuple[str, float]:
    """A media range and its weight (RFC 9110 12.4.2)."""
    name, *parameters = (each.strip() for each in part.lower().split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, float(parameter[2:])
            except ValueError:
                return name, 0.0
    return name, 1.0
