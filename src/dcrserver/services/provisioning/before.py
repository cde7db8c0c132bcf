"""Step: a client is answered when the targets have it that it waits for.

What is to be sent is reserved first: a claim on the link, which ends by itself. So whoever is
killed in between is followed by a worker, which finds the claim over and brings the target to the
client's row as it is: to nothing, where none was written.
"""

from __future__ import annotations

import asyncio
import secrets as random_text
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from functools import partial

from dcrserver.connectors.client import Applied
from dcrserver.connectors.failures import TargetMissing
from dcrserver.db.failures import AlreadyThere
from dcrserver.errors import InvalidClientMetadata, ProtocolError, Unavailable
from dcrserver.names import LinkState
from dcrserver.repositories.client_links import ClientLinkRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import is_client_id
from dcrserver.services.provisioning.delivery import Delivery, Outcome
from dcrserver.services.provisioning.reserving import claimed, given_up, reservation, reserve
from dcrserver.services.provisioning.sending import (
    AWAY,
    Sending,
    asked,
    changed_by,
    check,
    check_open,
    due_in,
    judged,
    newest_secret,
    turns,
)
from dcrserver.services.provisioning.sent import Sent
from dcrserver.services.provisioning.targets import Target, Targets
from dcrserver.services.provisioning.wanted import is_to_be_known, wanted_of
from dcrserver.services.secrets.client_secrets import SecretIssuer
from dcrserver.services.secrets.kept import ClientSecrets
from dcrserver.services.secrets.sealing import Sealing
from dcrserver.slots import without_slot

_BUSY_SECONDS = 0.05
_NONE = ClientSecrets()


class BeforeAnswer:
    """Tells the targets that clients wait for, before these are written."""

    def __init__(
        self,
        database: Database,
        targets: Targets,
        delivery: Delivery,
        sealing: Sealing,
        issuer: SecretIssuer,
    ) -> None:
        self._database = database
        self.targets = targets
        self._delivery = delivery
        self._sealing = sealing
        self._issuer = issuer

    def mints(self, tenant: str) -> bool:
        """Whether a target makes the identifiers of the tenant's clients."""
        return any(target.connector.mints for target in self.targets.before(tenant))

    @asynccontextmanager
    async def creating(
        self, record: ClientRecord, secrets: ClientSecrets = _NONE
    ) -> AsyncIterator[Sent]:
        """A new client, at its targets; where it is not written in here, it is removed there.

        Raises:
            InvalidClientMetadata: a target will not have it.
            Unavailable: a target cannot be told just now.
        """
        targets = self.targets.before(record.tenant)
        if not targets or not is_to_be_known(record):
            yield Sent(record, secrets)
            return
        check_open(targets)
        sent = Sent(judged(targets, record), secrets)
        sendings: list[Sending] = []
        try:
            async with without_slot():
                # Who makes identifiers comes first: the others are told those.
                for mints in (True, False):
                    turn = [each for each in targets if each.connector.mints is mints]
                    await self._create_all(turn, sent, sendings)
            sent.confirm = partial(self._confirm, sent, sendings)
            yield sent
        finally:
            if not sent.is_written:
                await asyncio.shield(self._take_back(sendings))

    @asynccontextmanager
    async def rotating(
        self, old: ClientRecord, new: ClientRecord, secrets: ClientSecrets
    ) -> AsyncIterator[Sent]:
        """A client that has a new secret. Where the one before works on only beside a secret of the
        target's making, that is its new one; while such a target is away, it is told afterwards.

        Raises:
            InvalidClientMetadata: a target makes all secrets itself, and would not know it.
        """
        targets = self.targets.before(old.tenant)
        if self.mints(old.tenant):
            told = "the authorization server makes its secrets itself: none can be made here"
            raise InvalidClientMetadata(told)
        if not any(each.connector.overlaps_by_own for each in targets):
            yield Sent(new, secrets)
            return
        async with AsyncExitStack() as stack:
            try:
                sent = await stack.enter_async_context(self.replacing(old, new, secrets))
            except Unavailable:
                sent = Sent(new, secrets)
            yield sent

    @asynccontextmanager
    async def replacing(
        self, old: ClientRecord, new: ClientRecord, secrets: ClientSecrets = _NONE
    ) -> AsyncIterator[Sent]:
        """A client that is changed, at its targets; where it is not written in here, they are
        brought back to what is.

        Raises:
            InvalidClientMetadata: a target will not have it.
            Unavailable: a target cannot be told just now.
        """
        targets = self.targets.before(old.tenant)
        # One that makes all secrets itself would not know a new one.
        has_new = secrets.is_new and self.mints(old.tenant)
        is_same = wanted_of(old) == wanted_of(new) and not has_new
        if not targets or not is_to_be_known(new) or is_same:
            yield Sent(new, secrets)
            return
        sent = Sent(judged(targets, new), secrets)
        sendings: list[Sending] = []
        try:
            async with without_slot():
                await self._update_all(targets, old, sent, sendings)
            sent.confirm = partial(self._confirm, sent, sendings)
            yield sent
        finally:
            if not sent.is_written:
                await asyncio.shield(self._take_back(sendings))

    async def settle(self, tenant: str, client_id: str) -> None:
        """Returns when the targets that clients wait for are as the client is, or cannot be now."""
        await self.settle_at(self.targets.before(tenant), tenant, client_id)

    async def settle_at(self, targets: Sequence[Target], tenant: str, client_id: str) -> None:
        """As ``settle``, of these targets."""
        open_ = [each for each in targets if not each.breaker.is_open]
        if open_:
            await asyncio.gather(*(self._settle(each, tenant, client_id) for each in open_))

    async def _create_all(
        self, targets: Sequence[Target], sent: Sent, sendings: list[Sending]
    ) -> None:
        """Makes the client at each of them, side by side."""
        record, begun = sent.record, len(sendings)
        reserved = [Sending(each, reservation(each, record), record) for each in targets]
        try:
            await self._database.transact(partial(reserve, reserved))
        except AlreadyThere:
            told = "a client of this client_id is still being removed; try again"
            raise Unavailable(told, retry_after=1) from None
        sendings += reserved
        secret, want = newest_secret(self._sealing, record), wanted_of(record)
        sendings[begun:] = await asyncio.gather(
            *(asked(each, partial(each.target.connector.create, want, secret)) for each in reserved)
        )
        check(sendings)
        for each in sendings[begun:]:
            self._take_over(each, sent)

    def _take_over(self, sending: Sending, sent: Sent) -> None:
        """What the target made of the client is what it is here.

        Raises:
            Unavailable: no client can be called so.
        """
        applied = _applied(sending)
        sent.record = changed_by(applied, sent.record)
        if not sending.target.connector.mints:
            return
        client_id = applied.client_id or ""
        if not is_client_id(client_id):
            raise Unavailable(AWAY, detail=f"{sending.target.name}: no client_id to use")
        sent.secrets = self._issuer.given(
            sent.record, client_id, applied.secret, applied.secret_expires_at
        )
        sent.record = sent.record._replace(
            client_id=client_id, client_secrets=sent.secrets.to_json()
        )

    async def _update_all(
        self, targets: Sequence[Target], old: ClientRecord, sent: Sent, sendings: list[Sending]
    ) -> None:
        """Brings each that has the client to what it is to be; the others are told afterwards."""
        for target in targets:
            link = await self._claim(target, old)
            if link is not None:
                sendings.append(Sending(target, link, sent.record))
        for turn in turns(sendings):
            told = [sendings[place]._replace(record=sent.record) for place in turn]
            done = await asyncio.gather(
                *(asked(each, partial(self._update, each)) for each in told)
            )
            for place, each in zip(turn, done, strict=True):
                sendings[place] = each
            check(done)
            for each in done:
                self._take_in(_applied(each), sent)

    def _take_in(self, applied: Applied, sent: Sent) -> None:
        """What the target stored otherwise, and the secret that it made."""
        sent.record = changed_by(applied, sent.record)
        if applied.secret is not None:
            made = self._issuer.taken_over(sent.record, applied.secret, applied.secret_expires_at)
            sent.secrets, sent.record = (
                made, sent.record._replace(client_secrets=made.to_json())
            )  # fmt: skip

    async def _update(self, sending: Sending) -> Applied:
        connector, link = sending.target.connector, sending.link
        want = wanted_of(sending.record)
        secret = newest_secret(self._sealing, sending.record, link.sealed_secret)
        held = self._delivery.held(link)
        assert held is not None  # noqa: S101 - see ``_claim``
        try:
            return await connector.update(want, held, secret)
        except TargetMissing:  # somebody removed it there
            if connector.mints:
                raise
            return await connector.create(want, secret)

    async def _claim(self, target: Target, old: ClientRecord) -> ClientLinkRecord | None:
        """The client's link, ours for as long as it takes; None: the target does not have it."""
        ends_at = time.monotonic() + target.settings.timeout
        while True:
            async with self._database.read() as tx:
                link = await tx.client_links.find(old.tenant, old.client_id, target.name)
            if link is None or link.remote_id is None:
                return None
            claim = partial(claimed, link, random_text.token_hex(16), target.reservation_ms)
            if (mine := await self._database.transact(claim)) is not None:
                check_open([target])
                return mine
            if time.monotonic() > ends_at:
                raise Unavailable(AWAY, detail=f"{target.name}: the client is being sent")
            await asyncio.sleep(_BUSY_SECONDS)

    async def _confirm(self, sent: Sent, sendings: Sequence[Sending], tx: Transaction) -> bool:
        """Writes that the targets have ``sent``; False: a claim is over."""
        if tx.clients.links is not None:
            tx.clients.links.told(each.target.name for each in sendings)
        for each in sendings:
            if not await self._confirm_one(sent.record, each, tx):
                return False
        return True

    async def _confirm_one(self, record: ClientRecord, sending: Sending, tx: Transaction) -> bool:
        connector, link, held = sending.target.connector, sending.link, _applied(sending).held
        want = wanted_of(record)
        # Where another target stored otherwise, this one is told of it.
        is_level = changed_by(_applied(sending), sending.record).metadata == record.metadata
        done = link._replace(
            client_id=record.client_id,
            remote_id=held.remote_id,
            kept=self._sealing.kept(record.tenant, record.client_id, held.kept),
            fingerprint=connector.fingerprint(want) if is_level else None,
            last_error=None,
        )
        if record.client_id != link.client_id:  # the target chose it
            if not await tx.client_links.remove(link):
                return False
            await tx.client_links.add(done)
        return await tx.client_links.done(done, due_in(connector, want) if is_level else 1)

    async def _take_back(self, sendings: Sequence[Sending]) -> None:
        """For a worker, which removes at the target what is not written here; and now, if it can.

        What the target may do later still is left alone until then.
        """
        for each in sendings:
            wait = round(each.target.settings.timeout * 1000) if each.is_unknown else 1
            link = each.link
            # A secret of its making is not written here: what was kept with the one before counts.
            if each.applied is not None and (link.remote_id is None or not each.applied.secret):
                held = each.applied.held
                kept = self._sealing.kept(link.tenant, link.client_id, held.kept)
                link = link._replace(remote_id=held.remote_id, kept=kept)
            with suppress(ProtocolError):  # the claim ends by itself
                is_ours = await self._database.transact(partial(given_up, link, wait))
                if is_ours and not each.is_unknown and not each.target.breaker.is_open:
                    await self._settle(each.target, link.tenant, link.client_id)
        self.targets.nudge()

    async def _settle(self, target: Target, tenant: str, client_id: str) -> None:
        with suppress(TimeoutError, ProtocolError):
            async with asyncio.timeout(target.settings.timeout):
                while True:
                    async with self._database.read() as tx:
                        link = await tx.client_links.find(tenant, client_id, target.name)
                    if link is None or not link.due_at or link.state == LinkState.APPLIED:
                        return
                    if await self._delivery.deliver(link) is not Outcome.TAKEN:
                        return
                    await asyncio.sleep(_BUSY_SECONDS)


def creating(
    before: BeforeAnswer | None, record: ClientRecord, secrets: ClientSecrets
) -> AbstractAsyncContextManager[Sent]:
    """As ``BeforeAnswer.creating``, where there is one."""
    if before is None:
        return nullcontext(Sent(record, secrets))
    return before.creating(record, secrets)


def replacing(
    before: BeforeAnswer | None,
    old: ClientRecord,
    new: ClientRecord,
    secrets: ClientSecrets = _NONE,
) -> AbstractAsyncContextManager[Sent]:
    """As ``BeforeAnswer.replacing``, where there is one."""
    if before is None:
        return nullcontext(Sent(new, secrets))
    return before.replacing(old, new, secrets)


def _applied(sending: Sending) -> Applied:
    assert sending.applied is not None  # noqa: S101 - ``check`` was asked
    return sending.applied
