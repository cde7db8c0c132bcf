"""Step: how often a caller failed to be a client (RFC 6749 2.3.1: brute force is to be stopped),
or an administrator.

Counted by this process alone: a look at Redis would slow down every token request.
"""

from __future__ import annotations

from dcrserver.buckets import BucketKey, Buckets, seconds_until
from dcrserver.errors import InvalidClient, TooManyRequests
from dcrserver.limits import Rate, address_key
from dcrserver.security import token_digest

# Of clients the key is that of one and where from; of bearer tokens where they come from.
_CLIENTS = "clients"
_BEARERS = "bearers"
_MAX_ID = 64  # longer ones are told apart by their digest: what is remembered is bounded


class Guesses:
    """Counts failed attempts to authenticate, by client and address, and ends guessing."""

    def __init__(self, rate: Rate | None) -> None:
        """``rate`` None: nobody is stopped."""
        self._rate = rate
        self._buckets = Buckets()
        self.refused = 0

    def __len__(self) -> int:
        return len(self._buckets)

    def attempt(self, tenant: str, client_id: str, address: str | None) -> Attempt:
        """Around one attempt; yields whether it may be spent on what could be guessed.

        It counts from its beginning, so that many at once are no more than many in turn, and no
        longer once it ends without ``InvalidClient``. Who failed too often and fails again is told
        to wait; others, and the client from elsewhere, are not. ``address`` None: it is not known
        where from.

        Raises:
            TooManyRequests: instead of InvalidClient, for who failed too often.
        """
        if self._rate is None or not address:
            return Attempt(self, None, 0.0, allowed=True)
        key = _key(tenant, client_id, address)
        left, more_at = self._buckets.charge(key, self._rate)
        return Attempt(self, key, more_at, allowed=left >= 0)

    def unknown_bearer(self, address: str | None) -> int:
        """Counts a bearer token that is nobody's; for how many seconds its sender has to wait, 0:
        it has tries left.

        A token that is good is not counted, and takes nothing back: what is known of an address is
        how often it failed, at all doors together.
        """
        if self._rate is None or not address:
            return 0
        left, more_at = self._buckets.charge((_BEARERS, "", address_key(address)), self._rate)
        if left >= 0:
            return 0
        self.refused += 1
        return seconds_until(more_at)

    def end(self, attempt: Attempt, error: BaseException | None) -> None:
        """Settles an attempt: success gives its count back, failure beyond the limit is told.

        Raises:
            TooManyRequests: it failed, and was not allowed to.
        """
        if not isinstance(error, InvalidClient):
            if attempt.allowed and attempt.key is not None:
                self._buckets.take_back(attempt.key)
        elif not attempt.allowed:
            self.refused += 1
            raise TooManyRequests(
                "client authentication failed too often",
                retry_after=seconds_until(attempt.more_at),
            ) from None


class Attempt:
    """What ``Guesses.attempt`` says; a generator would cost as much as all the rest of it."""

    __slots__ = ("_guesses", "allowed", "key", "more_at")

    def __init__(
        self, guesses: Guesses, key: BucketKey | None, more_at: float, *, allowed: bool
    ) -> None:
        self._guesses = guesses
        self.key = key
        self.more_at = more_at
        self.allowed = allowed

    def __enter__(self) -> bool:
        return self.allowed

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._guesses.end(self, error)


def _key(tenant: str, client_id: str, address: str) -> BucketKey:
    kept = client_id if len(client_id) <= _MAX_ID else token_digest(client_id)
    return _CLIENTS, tenant, f"{address_key(address)} {kept}"
