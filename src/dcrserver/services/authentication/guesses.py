"""Step: how often a caller failed to be a client (RFC 6749 2.3.1: brute force is to be stopped),
or an administrator.

Counted by this process alone: a look at Redis would slow down every token request.
"""

from __future__ import annotations

from dcrserver.errors import InvalidClient, TooManyRequests
from dcrserver.fixed_windows import FixedWindows, seconds_until
from dcrserver.rate_limit import address_key, limit_of
from dcrserver.security import token_digest
from dcrserver.settings import RateLimitSettings

# No tenant and no client are called so.
_ADMINISTRATORS = ("", "")
_MAX_ID = 64  # longer ones are told apart by their digest: what is remembered is bounded


class Guesses:
    """Counts failed attempts to authenticate, by client and address, and ends guessing."""

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

    def attempt(self, tenant: str, client_id: str, address: str | None) -> Attempt:
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
        return Attempt(self, key, ends_at, allowed=allowed)

    def unknown_administrator(self, address: str | None) -> int:
        """Counts a bearer token that is no administrator's; for how many seconds its sender has
        to wait, 0: it has tries left.

        A token that is good is not counted, and takes nothing back: what is known of an address is
        how often it failed, at all doors of administrators together.
        """
        if not self._enabled or not address:
            return 0
        count, ends_at = self._windows.count((*_ADMINISTRATORS, address_key(address)))
        if count <= self._allowed:
            return 0
        self.refused += 1
        return seconds_until(ends_at)

    def end(self, attempt: Attempt, error: BaseException | None) -> None:
        """Settles an attempt: success gives its count back, failure beyond the limit is told.

        Raises:
            TooManyRequests: it failed, and was not allowed to.
        """
        if not isinstance(error, InvalidClient):
            self._windows.take_back(attempt.key)
        elif not attempt.allowed:
            self.refused += 1
            raise TooManyRequests(
                "client authentication failed too often",
                retry_after=seconds_until(attempt.ends_at),
            ) from None


class Attempt:
    """What ``Guesses.attempt`` says; a generator would cost as much as all the rest of it."""

    __slots__ = ("_guesses", "allowed", "ends_at", "key")

    def __init__(
        self, guesses: Guesses, key: tuple[str, str, str], ends_at: float, *, allowed: bool
    ) -> None:
        self._guesses = guesses
        self.key = key
        self.ends_at = ends_at
        self.allowed = allowed

    def __enter__(self) -> bool:
        return self.allowed

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._guesses.end(self, error)


def _key(tenant: str, client_id: str, address: str | None) -> tuple[str, str, str]:
    kept = client_id if len(client_id) <= _MAX_ID else token_digest(client_id)
    return tenant, kept, address_key(address)
