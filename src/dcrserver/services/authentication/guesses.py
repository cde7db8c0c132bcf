"""Step: how often a caller failed to be a client (RFC 6749 2.3.1: brute force is to be stopped).

Counted by this process alone: a look at Redis would slow down every token request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dcrserver.errors import InvalidClient, TooManyRequests
from dcrserver.fixed_windows import FixedWindows, seconds_until
from dcrserver.rate_limit import address_key, limit_of
from dcrserver.security import token_digest
from dcrserver.settings import RateLimitSettings

_MAX_ID = 64  # longer ones are told apart by their digest: what is remembered is bounded


class Guesses:
    def __init__(self, settings: RateLimitSettings) -> None:
        """
        Raises:
            ConfigurationError: the limit cannot be understood.
        """
        limit = limit_of("failed_authentication", settings.failed_authentication)
        self._enabled = settings.enabled
        self._allowed = limit.amount
        self._windows = FixedWindows(limit)
        self.refused = 0

    def __len__(self) -> int:
        return len(self._windows)

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
        count, ends_at = self._windows.count(key)
        allowed = not self._enabled or not address or count <= self._allowed
        try:
            yield allowed
        except InvalidClient:
            if allowed:
                raise
            self.refused += 1
            raise TooManyRequests(
                "client authentication failed too often",
                retry_after=seconds_until(ends_at),
            ) from None
        except BaseException:
            self._windows.take_back(key)
            raise
        self._windows.take_back(key)


def _key(tenant: str, client_id: str, address: str | None) -> tuple[str, str, str]:
    kept = client_id if len(client_id) <= _MAX_ID else token_digest(client_id)
    return tenant, kept, address_key(address)
