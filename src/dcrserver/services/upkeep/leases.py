"""Step: the right to do a job, for a while and for one worker at a time.

Who was frozen, or cut off from the database, for longer than its lease may go on where it stopped
while another does the job already. So whatever a job writes, it writes through its lease, which
asks in the same transaction whose it is.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from dcrserver.errors import ProtocolError
from dcrserver.repositories.leases import LeaseState, Outcome
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction

T = TypeVar("T")

# Of the time of a lease, how often it is renewed: two that fail lose nothing.
_RENEWALS = 3
# Between two attempts when the database did not answer.
_AGAIN_SECONDS = 1.0


class LeaseLost(Exception):
    """Another worker does the job, or may."""


class Lease:
    """One time that one worker does the job ``name``: a ``Writer`` for what the job writes."""

    def __init__(self, database: Database, name: str, seconds: int) -> None:
        self._database = database
        self._name = name
        self._seconds = seconds
        # Of each time another, so that it is also a fence against what the same worker did before.
        self._owner = secrets.token_hex(16)
        self._good_until = asyncio.get_running_loop().time() + seconds
        self._pause = seconds / _RENEWALS

    async def take(self) -> bool:
        """Takes the lease; False: somebody else was faster."""
        return await self._database.transact(
            lambda tx: tx.leases.take(self._name, self._owner, self._seconds)
        )

    async def transact(self, use_case: Callable[[Transaction], Awaitable[T]]) -> T:
        """As ``Database.transact``.

        Raises:
            LeaseLost: nothing was written.
        """

        async def fenced(tx: Transaction) -> T:
            if not await tx.leases.keep(self._name, self._owner, self._seconds):
                raise LeaseLost
            return await use_case(tx)

        return await self._database.transact(fenced)

    async def end(self, due_in: int, outcome: Outcome = Outcome.GIVEN_UP) -> None:
        """Somebody may do the job again in so many seconds; ``outcome`` is told of it."""
        await self._database.transact(
            lambda tx: tx.leases.give(self._name, self._owner, due_in, outcome)
        )

    async def hold(self, work: Coroutine[Any, Any, None]) -> None:
        """Does ``work`` and renews the lease meanwhile; stops it when the lease is lost.

        Raises:
            LeaseLost: it is.
            Exception: whatever ``work`` raises.
        """
        # A task of its own: to cancel it can cancel nothing else.
        doing = asyncio.create_task(work)
        try:
            while not (await asyncio.wait([doing], timeout=self._pause))[0]:
                await self._renew()
        finally:
            if not doing.done():
                doing.cancel()
                await asyncio.wait([doing])
        if doing.cancelled():
            raise RuntimeError("a job was cancelled by itself")
        doing.result()

    async def _renew(self) -> None:
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        try:
            async with asyncio.timeout_at(self._good_until):
                is_mine = await self._database.transact(
                    lambda tx: tx.leases.keep(self._name, self._owner, self._seconds)
                )
        except TimeoutError:
            raise LeaseLost from None
        except ProtocolError:  # the database may come back before it is too late
            if clock() >= self._good_until:
                raise LeaseLost from None
            self._pause = min(self._pause, _AGAIN_SECONDS)
            return
        if not is_mine:
            raise LeaseLost
        self._pause = self._seconds / _RENEWALS
        self._good_until = asked_at + self._seconds


class Leases:
    """Takes leases of ``seconds``."""

    def __init__(self, database: Database, seconds: int) -> None:
        self._database = database
        self._seconds = seconds

    async def free_in(self, name: str, first_in: int) -> int:
        """Seconds until the job may be done; 0 and less: now. One that is new: in ``first_in``.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.read() as tx:
            free_in = await tx.leases.free_in(name)
        if free_in is not None:
            return free_in
        with suppress(AlreadyThere):  # another worker added it
            await self._database.transact(lambda tx: tx.leases.add(name, first_in))
        return first_in

    async def hurry(self, name: str) -> bool:
        """The job may be done now, before its time; False: somebody does it just now.

        Looked at first: whoever does it holds its row for as long as it writes.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.read() as tx:
            is_nobodys = await tx.leases.is_nobodys(name)
        if is_nobodys:
            await self._database.transact(lambda tx: tx.leases.hurry(name))
        return is_nobodys

    async def overdue(self, name: str) -> int | None:
        """For how many seconds nobody has done the job though it is due; None: never at all.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.read() as tx:
            free_in = await tx.leases.free_in(name)
        return None if free_in is None else max(0, -free_in)

    async def states(self) -> dict[str, LeaseState]:
        """Each job that has a row, as all processes did it.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.read() as tx:
            return await tx.leases.states()

    async def take(self, name: str) -> Lease | None:
        """The lease of a job, taken; None: somebody else was faster.

        Raises:
            Unavailable: the database does not answer.
        """
        lease = Lease(self._database, name, self._seconds)
        return lease if await lease.take() else None
