"""Entity tags against lost updates: what a caller saw must still be there when it changes it."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from fastapi import Depends, Header
from starlette.requests import Request

from dcrserver.edge.dependencies import headers, runtime
from dcrserver.errors import PreconditionRequired
from dcrserver.services.access.versions import ANY, Expected

# What a route refuses with that takes ``ExpectedOf``.
CHANGE = (412, 428)


def expected(
    request: Request,
    if_match: Annotated[  # noqa: ARG001 - read below, where it may be there twice
        str | None, Header(description="the ETag of what is to be changed; else 412")
    ] = None,
) -> Expected:
    """What If-Match names (RFC 9110 13.1.1).

    Raises:
        PreconditionRequired: it is missing, where ``admin.require_if_match`` demands it.
    """
    sent = headers(request, b"if-match")
    if not sent:
        if runtime(request).settings.admin.require_if_match:
            raise PreconditionRequired("a change needs If-Match with the ETag of what it changes")
        return ANY
    tags = [tag.strip() for line in sent for tag in line.split(",")]
    return ANY if tags == ["*"] else Expected(frozenset(tags))


ExpectedOf: TypeAlias = Annotated[Expected, Depends(expected)]
