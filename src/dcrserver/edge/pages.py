"""Pages of lists: ``limit``, ``cursor``, and where the next page is (RFC 8288)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeAlias, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from dcrserver.edge.callers import caller_of
from dcrserver.edge.dependencies import TENANT_KEY, runtime
from dcrserver.errors import InvalidInput
from dcrserver.wiring.configured import cursor_keys

Item = TypeVar("Item", bound=BaseModel)
Row = TypeVar("Row")
# Of the last row of a page: what its list is sorted by.
Place: TypeAlias = tuple[str | int | None, ...]

MAX_LIMIT = 500
_CURSOR, _LIMIT = "cursor", "limit"
# What may differ from one page of a list to the next.
_FREE = frozenset({_CURSOR, _LIMIT, "fields"})
_MAC_BYTES = 16
_MAX_CURSOR = 2048


class Page(BaseModel, Generic[Item]):
    """A part of a list; ``next`` is the cursor of the part after it, null at the end."""

    items: list[Item]
    next: str | None = Field(description="the `cursor` of the next page; null at the end")


class Paging:
    """The page that a request asks for: at most ``limit`` rows, those that come ``after``."""

    def __init__(
        self,
        request: Request,
        response: Response,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="items at most")] = 50,
        cursor: Annotated[
            str | None,
            Query(max_length=_MAX_CURSOR, description="`next` of the page before this one"),
        ] = None,
    ) -> None:
        """
        Raises:
            InvalidInput: the cursor is none of ours, or of another list.
        """
        self._request = request
        self._response = response
        self.limit = limit
        self.after = None if cursor is None else self._opened(cursor)

    def page(
        self, rows: Sequence[Row], place_of: Callable[[Row], Place], item: Callable[[Row], Item]
    ) -> Page[Item]:
        """The answer of ``rows``, of which there is one more than ``limit`` if any is left."""
        shown = rows[: self.limit]
        place = place_of(shown[-1]) if len(rows) > self.limit else None
        return self.answer([item(row) for row in shown], place)

    def answer(self, items: list[Item], place: Place | None) -> Page[Item]:
        """The answer of ``items``; behind ``place`` the list goes on, None: it ends with them."""
        following = None if place is None else self._sealed(place)
        if following is not None:
            self._response.headers["Link"] = f'<{self._url(following)}>; rel="next"'
        return Page(items=items, next=following)

    def _sealed(self, place: Place) -> str:
        octets = json.dumps(place, separators=(",", ":")).encode()
        keys = self._keys()
        return base64.urlsafe_b64encode(self._mac(keys[0], octets) + octets).decode().rstrip("=")

    def _opened(self, cursor: str) -> Place:
        try:
            octets = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            octets = b""
        mac, place = octets[:_MAC_BYTES], octets[_MAC_BYTES:]
        for key in self._keys():
            if hmac.compare_digest(mac, self._mac(key, place)):
                made: list[Any] = json.loads(place)
                return tuple(made)
        raise InvalidInput("the cursor is not one of this list", parameter=_CURSOR)

    def _keys(self) -> Sequence[bytes]:
        return cursor_keys(runtime(self._request).settings)

    def _mac(self, key: bytes, octets: bytes) -> bytes:
        """Over the list too: its tenant, its path, what it is filtered and sorted by, who reads."""
        tenant: str = self._request.scope[TENANT_KEY].name
        reader = str(caller_of(self._request).actor)
        bound = json.dumps([tenant, self._request.scope["path"], self._chosen(), reader])
        return hmac.digest(key, bound.encode() + b"\0" + octets, hashlib.sha256)[:_MAC_BYTES]

    def _chosen(self) -> list[tuple[str, str]]:
        pairs = self._request.query_params.multi_items()
        return sorted(pair for pair in pairs if pair[0] not in _FREE)

    def _url(self, cursor: str) -> str:
        pairs = [each for each in self._request.query_params.multi_items() if each[0] != _CURSOR]
        root = self._request.scope[TENANT_KEY].root
        return f"{root}{self._request.scope['path']}?{urlencode([*pairs, (_CURSOR, cursor)])}"


PagingOf: TypeAlias = Annotated[Paging, Depends(Paging)]
