"""Step: how often a caller failed to be a client (RFC 6749 2.3.1: brute force is to be stopped).

Counted by this process alone: a look at Redis would slow down every token request.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

from dcrserver.errors import InvalidClient, TooManyRequests
from dcrserver.rate_limit import address_key, limit_of
from dcrserver.settings import RateLimitSettings

# Of the longest identifier there is; and of callers that are remembered, so that inventing
# identifiers fills no memory: who was counted first is forgotten first.
_MAX_ID = 64
_MAX_REMEMBERED = 50_000

_Key: TypeAlias = tuple[str, str, str]


class Guesses:
    def __init__(self, settings: RateLimitSettings) -> None:
        """
        Raises:
            ConfigurationError: the limit cannot be understood.
        """
        limit = limit_of("failed_authentication", settings.failed_authentication)
        self._enabled = settings.enabled
        self._allowed, self._seconds = limit.amount, limit.get_expiry()
        self._counted: OrderedDict[_Key, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counted)

    @contextmanager
    def attempt(self, tenant: str, client_id: str, address: str | None) -> Iterator[bool]:
        """Around one attempt; yields whether it may be spent on what could be guessed.

        It counts from its beginning, so that many at once are no more than many in turn, and no
        longer once it ends without ``InvalidClient``. Who failed too often and fails again is told
        to wait; others, and the client from elsewhere, are not. ``address`` None: it is not known
        where from.

        Raises:
            TooManyRequests: instead of InvalidClient, for who failed too often.
        """
        key = _key(tenant, client_id, address)
        count, ends_at = self._count(key)
        allowed = not self._enabled or not address or count <= self._allowed
        try:
            yield allowed
        except InvalidClient:
            if allowed:
                raise
            raise TooManyRequests(
                "client authentication failed too often; try again later",
                retry_after=max(1, round(ends_at - time.monotonic())),
            ) from None
        except BaseException:
            self._take_back(key)
            raise
        self._take_back(key)

    def _count(self, key: _Key) -> tuple[int, float]:
        """How many there are with this one, and when they are forgotten."""
        now = time.monotonic()
        count, ends_at = self._counted.get(key, (0, 0.0))
        if ends_at <= now:
            self._counted.pop(key, None)  # a new window is the youngest
            count, ends_at = 0, now + self._seconds
        self._counted[key] = counted = (count + 1, ends_at)
        if len(self._counted) > _MAX_REMEMBERED:
            self._counted.popitem(last=False)
        return counted

    def _take_back(self, key: _Key) -> None:
        count, ends_at = self._counted.get(key, (0, 0.0))
        if count > 1:
            self._counted[key] = (count - 1, ends_at)
        else:
            self._counted.pop(key, None)


def _key(tenant: str, client_id: str, address: str | None) -> _Key:
    return tenant, client_id[:_MAX_ID], address_key(address)
