"""Step: is this the client's secret? Slow hashes are verified apart, a few at a time."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from dcrserver import security
from dcrserver.errors import Unavailable
from dcrserver.services.secrets.kept import ClientSecret

# Each takes a core and, with argon2id, 64 MiB.
_AT_ONCE = 2
_MAX_WAITING = 64
# Of one client, whose secret somebody may be guessing: others still find a slot and room to wait.
_MAX_WAITING_FOR_ONE = 16
_MAX_REMEMBERED = 4096


class SecretVerifier:
    """Step: verifies client secrets by the digests that are stored.

    A slow hash that was verified once is remembered by a keyed digest, in memory only, so that a
    client with an imported secret does not cost a core with each request.
    """

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._waiting: Counter[str] = Counter()
        # By digest, each of one client, for as long as somebody holds it.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._key = os.urandom(32)
        self._remembered: OrderedDict[bytes, None] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Slow hashes that are computed, or wait for their turn."""
        return self._waiting.total()

    async def matching(
        self, secret: str, held: Sequence[ClientSecret], *, slowly: bool = True
    ) -> ClientSecret | None:
        """The one of ``held`` that ``secret`` is; in the same time for each and for none.

        ``slowly`` False: no slow hash is worth its cost now, except one that is remembered.

        Raises:
            Unavailable: too many slow hashes are being verified.
        """
        if not security.is_presentable(secret):
            return None
        digest, found = security.secret_digest(secret), None
        for kept in held:
            if hmac.compare_digest(digest, kept.digest):
                found = kept
        if found is not None:
            return found
        for kept in held:
            if not security.is_fast(kept.digest) and await self._is(
                secret, kept.digest, slowly=slowly
            ):
                return kept
        return None

    async def upgraded(self, secret: str, kept: ClientSecret) -> ClientSecret | None:
        """``kept``, which ``secret`` is, by the digest it would have today; None if it has that."""
        if security.is_fast(kept.digest):
            return None
        if security.looks_generated(secret):
            return kept._replace(digest=security.secret_digest(secret))
        if security.is_current(kept.digest):
            return None
        async with self._turn(kept.digest):
            return kept._replace(digest=await asyncio.to_thread(security.slow_digest, secret))

    async def _is(self, secret: str, digest: str, *, slowly: bool) -> bool:
        mark = hmac.digest(self._key, f"{digest}\0{secret}".encode(), hashlib.sha256)
        if self._is_remembered(mark) or not slowly:
            return mark in self._remembered
        async with self._turn(digest):
            # Whoever came with the same secret may have been first.
            if self._is_remembered(mark):
                return True
            if not await asyncio.to_thread(security.verify_slowly, secret, digest):
                return False
        self._remembered[mark] = None
        if len(self._remembered) > _MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return True

    def _is_remembered(self, mark: bytes) -> bool:
        if mark in self._remembered:
            self._remembered.move_to_end(mark)
            return True
        return False

    @asynccontextmanager
    async def _turn(self, digest: str) -> AsyncIterator[None]:
        """One at a time for each client, a few at a time for all."""
        full = self._waiting.total() >= _MAX_WAITING
        if full or self._waiting[digest] >= _MAX_WAITING_FOR_ONE:
            raise Unavailable("the server is busy; try again later", detail="slow hashes queue up")
        turn = self._turns.setdefault(digest, asyncio.Lock())
        self._waiting[digest] += 1
        try:
            async with turn, self._slots:
                yield
        finally:
            self._waiting -= Counter({digest: 1})  # forgets those of whom none waits
