"""Step: how many clients there may be that are alike, asked in the transaction that adds one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from dcrserver.metadata import Policy
from dcrserver.metadata.statements import QuotaReached
from dcrserver.policies.statements.effects import Quota, told_of_quota
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Transaction, Writer
from dcrserver.services.access.asking import Asking
from dcrserver.services.access.stored_clients import metadata_of

T = TypeVar("T")


def _software_id(record: ClientRecord) -> str | None:
    return metadata_of(record).text("software_id") or None


# By what clients are counted -> what one has of it; None: it is not counted.
_VALUES: Mapping[str, Callable[[ClientRecord], str | None]] = MappingProxyType(
    {
        "tenant": lambda record: record.tenant,
        "origin": lambda record: record.origin,
        "owner": lambda record: record.owner,
        "software_id": _software_id,
    }
)


async def check(
    tx: Transaction,
    quotas: Sequence[Quota],
    record: ClientRecord,
    before: ClientRecord | None = None,
    held: Sequence[Quota] = (),
    more: int = 0,
) -> None:
    """Whether ``record`` may be written, in place of ``before`` where that is a change.

    ``held``: what limited it before, and is not asked again where it stays alike. ``more``: so many
    others become alike in this transaction, and are not counted yet.

    Raises:
        QuotaReached: there are so many already.
    """
    # In one order everywhere, so that writers do not deadlock.
    for quota in sorted(quotas, key=lambda each: each.by):
        value = _VALUES[quota.by](record)
        stays = before is not None and _VALUES[quota.by](before) == value
        if value is None or (stays and quota in held):
            continue
        await tx.client_quotas.hold(record.tenant, quota.by, value)
        # One that stays alike is counted itself.
        most = quota.clients + stays
        there = await tx.client_quotas.count(record.tenant, quota.by, value, most)
        if there + more >= most:
            told = told_of_quota(quota.by, quota.clients)
            raise QuotaReached(told, detail=f"the statement {quota.statement}")


def limits_of(policy: Policy, asking: Asking, record: ClientRecord) -> list[Quota]:
    """How many there may be, as the statements of ``policy`` say of the client as it is."""
    if not policy.asks_quotas:
        return []
    here, members = asking.circumstances(), metadata_of(record).members
    limits = [(each, each.then.limit) for each in policy.statements if each.concerns(here, members)]
    return [Quota(each.name, limit.by, limit.clients) for each, limit in limits if limit]


class Within:
    """A ``Writer``: what is written through it, of one client, is within ``quotas``."""

    def __init__(
        self,
        writer: Writer,
        quotas: Sequence[Quota],
        record: ClientRecord,
        before: ClientRecord | None,
        held: Sequence[Quota],
    ) -> None:
        self._held = held
        self._writer = writer
        self._quotas = quotas
        self._record = record
        self._before = before

    async def transact(self, use_case: Callable[[Transaction], Awaitable[T]]) -> T:
        """As ``Database.transact``.

        Raises:
            QuotaReached: also as ``check``; nothing was written.
        """

        async def checked(tx: Transaction) -> T:
            await check(tx, self._quotas, self._record, self._before, self._held)
            return await use_case(tx)

        return await self._writer.transact(checked)


def within(
    writer: Writer,
    quotas: Sequence[Quota],
    record: ClientRecord,
    before: ClientRecord | None = None,
    judged_by: tuple[Policy, Asking] | None = None,
) -> Writer:
    """What ``record`` is written through, in place of ``before`` where that is a change, which is
    judged by a policy, and asked for by somebody.
    """
    if not quotas:
        return writer
    held = limits_of(*judged_by, before) if judged_by and before else ()
    return Within(writer, quotas, record, before, held)
