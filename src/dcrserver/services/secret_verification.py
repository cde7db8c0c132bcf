"""Step: is this the client's secret? Slow hashes are verified apart, a few at a time."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeVar

from dcrserver import security
from dcrserver.errors import Unavailable
from dcrserver.services.client_secrets import ClientSecret

T = TypeVar("T")

# Each takes a core and, with argon2id, 64 MiB.
_AT_ONCE = 2
_MAX_WAITING = 32
_MAX_REMEMBERED = 4096


class SecretVerifier:
    """Verifies by digest.

    A slow hash that was verified once is remembered by a keyed digest, in memory only, so that a
    client with an imported secret does not cost a core with each request.
    """

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._key = os.urandom(32)
        self._remembered: OrderedDict[bytes, None] = OrderedDict()

    async def matching(self, secret: str, held: Sequence[ClientSecret]) -> ClientSecret | None:
        """The one of ``held`` that ``secret`` is; in the same time for each and for none.

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
            if not security.is_fast(kept.digest) and await self._is(secret, kept.digest):
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
        return kept._replace(digest=await self._slowly(security.slow_digest, secret))

    async def _is(self, secret: str, digest: str) -> bool:
        mark = hmac.digest(self._key, f"{digest}\0{secret}".encode(), hashlib.sha256)
        if mark in self._remembered:
            self._remembered.move_to_end(mark)
            return True
        if not await self._slowly(security.verify_slowly, secret, digest):
            return False
        self._remembered[mark] = None
        if len(self._remembered) > _MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return True

    async def _slowly(self, work: Callable[..., T], *arguments: str) -> T:
        """In a thread, when it is its turn."""
        if self._waiting >= _MAX_WAITING:
            raise Unavailable("the server is busy; try again later", detail="slow hashes queue up")
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._waiting -= 1
