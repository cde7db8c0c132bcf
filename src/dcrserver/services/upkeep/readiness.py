"""Use case: whether requests should come to this process, and if not, why."""

from __future__ import annotations

import asyncio
import math
import time

from dcrserver.errors import ProtocolError
from dcrserver.repositories.transaction import Database
from dcrserver.services.tenants.stored_configuration import StoredConfiguration
from dcrserver.services.tokens.signing_keys import SigningKeys
from dcrserver.tenants import TenantRegistry

_PROBE_SECONDS = 2.0
# So long is an answer good: however many ask, the database is asked once.
_REMEMBERED_SECONDS = 1.0


class Readiness:
    """One question at a time; who asks meanwhile, however many, gets its answer."""

    def __init__(
        self,
        database: Database,
        keys: SigningKeys,
        tenants: TenantRegistry,
        stored: StoredConfiguration,
    ) -> None:
        self._database = database
        self._stored = stored
        self._keys = keys
        self._tenants = tenants
        self._question: asyncio.Task[str | None] | None = None
        self._good_until = 0.0

    async def not_ready_reason(self) -> str | None:
        """Why requests should go elsewhere; None when they are welcome."""
        if self._question is None or self._good_until < time.monotonic():
            self._good_until = math.inf
            self._question = asyncio.create_task(self._answer())
        return await asyncio.shield(self._question)  # who leaves takes nobody's answer away

    async def _answer(self) -> str | None:
        try:
            return await self._ask()
        finally:
            self._good_until = time.monotonic() + _REMEMBERED_SECONDS

    async def _ask(self) -> str | None:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                return (
                    await self._database.not_ready_reason()
                    or await self.unreadable()
                    or self._unknown()
                )
        except TimeoutError:
            return "the database does not answer in time"
        except ProtocolError:
            return "the database cannot be reached"

    def _unknown(self) -> str | None:
        """One tenant that waits is no reason to leave the others without a server."""
        if not self._stored.is_known:  # to those that are stored we would answer 404
            return "the stored tenants were never read"
        if all(tenant.waits for tenant in self._tenants):
            return "the metadata of the authorization server was never read; the log says why"
        return None

    async def unreadable(self) -> str | None:
        """What no configured key opens: beside such a signing key no other is ever made."""
        issuing = {tenant.name for tenant in self._tenants if tenant.issues_tokens}
        return await self._keys.not_ready_reason(issuing) if issuing else None
