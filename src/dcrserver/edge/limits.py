"""Limits of those who register: counted before anything is asked or read for them."""

from __future__ import annotations

from starlette.requests import Request

from dcrserver.edge.dependencies import USES_KEY, runtime, tenant
from dcrserver.limits import Stage, Subject
from dcrserver.rate_limit import UNCOUNTED, Registrant, Uses
from dcrserver.security import token_digest


def registrant(request: Request, bearer: str | None, *, is_open: bool) -> Registrant:
    """Who asks, after their attempt was counted as far as it is known whose it is.

    ``is_open``: whoever comes with nothing may register.

    Raises:
        TooManyRequests: this was asked enough for now.
    """
    here = tenant(request)
    if not here.limits.rates:
        return UNCOUNTED
    client = request.scope.get("client")
    # What every answer to this request, also a refusal, tells of limits.
    uses: Uses = []
    request.scope[USES_KEY] = uses
    token = token_digest(bearer) if bearer is not None and here.limits.count_tokens else ""
    subject = Subject(here.name, client[0] if client else None, token)
    made = Registrant(runtime(request).limiter, here.limits, subject, uses)
    if bearer is not None:
        made.check_spent(Stage.TOKEN_ATTEMPT)
    elif is_open:
        made.attempt(Stage.OPEN_ATTEMPT)
    return made


async def count_permitted(who: Registrant) -> None:
    """Of whoever came with an initial access token, within ``who``.

    Raises:
        TooManyRequests: the token, or all together, registered enough for now.
    """
    who.attempt(Stage.TOKEN_ATTEMPT)
    await who.charge(Stage.TOKEN_MADE)
