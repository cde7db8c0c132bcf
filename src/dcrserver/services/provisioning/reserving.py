"""Step: a link is ours while a target is asked, and no longer than that may take."""

from __future__ import annotations

import secrets as random_text
import time
from collections.abc import Sequence

from dcrserver.names import LinkState
from dcrserver.repositories.client_links import ClientLinkRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Transaction
from dcrserver.services.provisioning.sending import Sending
from dcrserver.services.provisioning.targets import Target


def reservation(target: Target, record: ClientRecord) -> ClientLinkRecord:
    """The link of a client that is not written yet."""
    now = time.time_ns() // 1_000_000
    return ClientLinkRecord(
        record.tenant, record.client_id, target.name, wanted=1, state=LinkState.RESERVED.word,
        updated_at=now, raised_at=now, claim=random_text.token_hex(16),
    )  # fmt: skip


async def reserve(reserved: Sequence[Sending], tx: Transaction) -> None:
    """Writes their links, each claimed for as long as its target may take."""
    for each in reserved:
        await tx.client_links.reserve(each.link, each.target.reservation_ms)


async def claimed(
    link: ClientLinkRecord, claim: str, ms: int, tx: Transaction
) -> ClientLinkRecord | None:
    return await tx.client_links.claim(link, claim, ms)


async def given_up(link: ClientLinkRecord, ms: int, tx: Transaction) -> bool:
    """A worker levels it from in ``ms`` on; False: the claim was over."""
    is_new = link.state == LinkState.RESERVED
    state = LinkState.RESERVED if is_new else LinkState.PENDING
    return await tx.client_links.failed(link, state, ms)
