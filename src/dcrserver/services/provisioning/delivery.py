"""Step: one target is brought to one client's row, by whoever claims the link."""

from __future__ import annotations

import asyncio
import random
import secrets
from asyncio import CancelledError
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import NamedTuple

from dcrserver.connectors.client import Applied, Held, NewSecret, WantedClient
from dcrserver.connectors.connector import Connector
from dcrserver.connectors.failures import (
    TargetAway,
    TargetMisconfigured,
    TargetMissing,
    TargetRefused,
)
from dcrserver.errors import ProtocolError
from dcrserver.logger import Logger
from dcrserver.names import LinkState
from dcrserver.repositories.client_links import ClientLinkRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import UndecipherableError
from dcrserver.services.provisioning.sending import due_in
from dcrserver.services.provisioning.targets import Target, Targets
from dcrserver.services.provisioning.wanted import has_secret, is_to_be_known, wanted_of
from dcrserver.services.secrets.sealing import Sealing

_log = Logger(__name__)
# Until the first attempt after one that failed, at most; doubled each time.
_FIRST_MS = 2_000
_LONGEST_MS = 600_000
# The same where no answer came: what was the probe all through an outage has failed often, and
# once more while the target starts must not cost it ten minutes.
_LONGEST_AWAY_MS = 60_000
_LAST_SECONDS = 2.0
_DIGEST_ONLY = "its secret is known here as a digest only: rotate it"
_MADE_ITS_OWN = "it made a new secret, which nobody here was told"


class Outcome(StrEnum):
    """What came of working on a link."""

    SENT = "sent"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    REFUSED = "refused"
    AWAY = "away"
    MISCONFIGURED = "misconfigured"
    FAILED = "failed"
    # Somebody else works on it.
    TAKEN = "taken"


class _Claimed(NamedTuple):
    """A link of ours, and the client's row as it was then."""

    target: Target
    link: ClientLinkRecord
    client: ClientRecord | None


class Delivery:
    """``told``: counts what came of it, by connector."""

    def __init__(
        self,
        database: Database,
        targets: Targets,
        sealing: Sealing,
        told: Callable[[str, str], None] = lambda _, __: None,
    ) -> None:
        self._database = database
        self._targets = targets
        self._sealing = sealing
        self._told = told

    async def deliver(self, link: ClientLinkRecord) -> Outcome:
        """Brings the target to the client's row, unless somebody else does it just now.

        Raises:
            Unavailable: the database does not answer; somebody takes over when the claim ends.
        """
        target = self._targets.find(link.connector)
        if target is None:
            return Outcome.TAKEN
        claim = secrets.token_hex(16)
        claimed = await self._database.transact(lambda tx: _claimed(tx, target, link, claim))
        if claimed is None:
            return Outcome.TAKEN
        outcome = await self._levelled(claimed)
        self._told(target.name, outcome.value)
        return outcome

    async def _levelled(self, claimed: _Claimed) -> Outcome:
        breaker = claimed.target.breaker
        try:
            async with asyncio.timeout(claimed.target.work_seconds):
                outcome = await self._level(claimed)
            breaker.answered()
        except (TargetRefused, TargetMissing) as error:
            breaker.answered()
            return await self._failed(claimed, Outcome.REFUSED, str(error))
        except TargetMisconfigured as error:
            breaker.failed()
            return await self._failed(claimed, Outcome.MISCONFIGURED, str(error))
        except (TargetAway, TimeoutError) as error:
            patience = error.retry_after if isinstance(error, TargetAway) else None
            breaker.failed(patience)
            told = str(error) or f"{claimed.target.name}: it took too long"
            return await self._failed(claimed, Outcome.AWAY, told, patience)
        except (ProtocolError, CancelledError) as error:
            if isinstance(error, CancelledError):
                await self._left(claimed.link)
            raise
        except Exception as error:  # noqa: BLE001 - a mistake of ours, which must not stop others
            _log.exception("client_link_failed", **_names(claimed.link))
            told = f"{claimed.target.name}: {type(error).__name__}"
            return await self._failed(claimed, Outcome.FAILED, told)
        return outcome

    async def _level(self, claimed: _Claimed) -> Outcome:
        _, link, client = claimed
        if client is None or not is_to_be_known(client):
            return await self._remove(claimed)
        want = wanted_of(client)
        connector = claimed.target.connector
        print_ = connector.fingerprint(want)
        secret = self._secret(link)
        again_in = due_in(connector, want)
        if link.fingerprint == print_ and secret is None:
            await self._database.transact(lambda tx: tx.client_links.done(link, again_in))
            return Outcome.UNCHANGED
        applied, is_new = await self._send(connector, want, link, secret)
        notes = _notes(applied, is_digest_only=is_new and secret is None and has_secret(client))
        done = link._replace(
            remote_id=applied.held.remote_id,
            kept=self._sealing.kept(link.tenant, link.client_id, applied.held.kept),
            fingerprint=print_,
            last_error=notes,
        )
        await self._database.transact(lambda tx: tx.client_links.done(done, again_in))
        return Outcome.SENT

    async def _send(
        self,
        connector: Connector,
        want: WantedClient,
        link: ClientLinkRecord,
        secret: NewSecret | None,
    ) -> tuple[Applied, bool]:
        """What became of it, and whether it was made anew."""
        held = self.held(link)
        if held is not None:
            try:
                return await connector.update(want, held, secret), False
            except TargetMissing:  # somebody removed it there
                pass
        if connector.mints:
            raise TargetRefused(
                f"{connector.name}: it makes identifiers itself, and never had this client",
                "the authorization server does not know this client",
            )
        return await connector.create(want, secret), True

    async def _remove(self, claimed: _Claimed) -> Outcome:
        target, link, client = claimed
        if client is not None and link.remote_id is None:  # it waits for an approval
            await self._database.transact(
                lambda tx: tx.client_links.failed(link, LinkState.RESERVED, 0)
            )
            return Outcome.UNCHANGED
        await target.connector.delete(link.tenant, link.client_id, self.held(link))

        async def removed(tx: Transaction) -> None:
            if not await tx.client_links.remove(link):
                await tx.client_links.release(link)

        await self._database.transact(removed)
        return Outcome.REMOVED

    def held(self, link: ClientLinkRecord) -> Held | None:
        """By what the connector finds the client; None: it was not told of it yet.

        Raises:
            UndecipherableError: it was encrypted under a key that is no longer configured.
        """
        if link.remote_id is None:
            return None
        kept = self._sealing.remembered(link.tenant, link.client_id, link.kept)
        return Held(link.remote_id, kept)

    def _secret(self, link: ClientLinkRecord) -> NewSecret | None:
        if link.sealed_secret is None:
            return None
        try:
            made = self._sealing.opened(link.tenant, link.client_id, link.sealed_secret)
            return made._replace(is_told=True)
        except UndecipherableError:
            raise TargetMisconfigured(
                f"{link.connector}: the secret was encrypted under a key that is not configured"
            ) from None

    async def _failed(
        self, claimed: _Claimed, outcome: Outcome, told: str, patience: float | None = None
    ) -> Outcome:
        link = claimed.link._replace(last_error=told)
        is_final = outcome is Outcome.REFUSED
        state = LinkState.FAILED if is_final else LinkState(_state_after(claimed))
        # While the target is left alone it is asked seldom enough, and this may be what is asked.
        attempts = 0 if claimed.target.breaker.is_open else link.attempts
        longest = _LONGEST_AWAY_MS if outcome is Outcome.AWAY else _LONGEST_MS
        ms = 0 if is_final else _back_off(attempts, longest, patience)
        await self._database.transact(lambda tx: tx.client_links.failed(link, state, ms))
        if outcome is not Outcome.AWAY or not link.attempts:
            _log.warning(
                "client_link_waits", outcome=outcome.value, error=told, **_names(claimed.link)
            )
        return outcome

    async def _left(self, link: ClientLinkRecord) -> None:
        """For whoever comes next, without waiting for the end of the claim: this process ends."""
        with suppress(ProtocolError, TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                await self._database.transact(lambda tx: tx.client_links.release(link))


async def _claimed(
    tx: Transaction, target: Target, link: ClientLinkRecord, claim: str
) -> _Claimed | None:
    mine = await tx.client_links.claim(link, claim, target.claim_ms)
    if mine is None:
        return None
    return _Claimed(target, mine, await tx.clients.find(mine.tenant, mine.client_id))


def _state_after(claimed: _Claimed) -> str:
    """A registration that never was is nobody's business while it is cleaned up."""
    return claimed.link.state if claimed.client is None else LinkState.PENDING.word


def _back_off(attempts: int, longest: int, patience: float | None) -> int:
    """Full jitter: those that failed together do not come back together."""
    waited = random.uniform(0, min(longest, _FIRST_MS * 2 ** min(attempts, 16)))  # noqa: S311 - no secret
    return max(1, round(max(waited, (patience or 0.0) * 1000)))


def _notes(applied: Applied, *, is_digest_only: bool) -> str | None:
    """What is amiss although it was done."""
    changed = ", ".join(sorted(applied.changed))
    notes = [
        _DIGEST_ONLY * is_digest_only,
        _MADE_ITS_OWN * (applied.secret is not None),
        f"it stored otherwise: {changed}" if changed else "",
    ]
    return "; ".join(filter(None, notes)) or None


def _names(link: ClientLinkRecord) -> dict[str, str]:
    return {"tenant": link.tenant, "client_id": link.client_id, "connector": link.connector}
