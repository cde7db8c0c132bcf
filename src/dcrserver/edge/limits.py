"""Limits of those who register without any credential, by their address."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from starlette.requests import Request

from dcrserver.edge.dependencies import USES_KEY, runtime, tenant
from dcrserver.rate_limit import Uses


def open_registration(request: Request) -> AbstractAsyncContextManager[None]:
    """Around what registers a client.

    Raises:
        TooManyRequests: the address, or all together, registered enough for now.
    """
    limiter = runtime(request).limiter
    return limiter.open_registration(tenant(request).name, _address(request), _uses(request))


async def attempt(request: Request) -> None:
    """Counts a try that registers nothing.

    Raises:
        TooManyRequests: the address tried enough for now.
    """
    limiter = runtime(request).limiter
    await limiter.attempt(tenant(request).name, _address(request), _uses(request))


def _address(request: Request) -> str | None:
    client = request.scope.get("client")
    return client[0] if client else None


def _uses(request: Request) -> Uses:
    """What every answer to this request, also a refusal, tells of limits."""
    uses: Uses = []
    request.scope[USES_KEY] = uses
    return uses
