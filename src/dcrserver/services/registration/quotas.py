"""Step: how many clients there may be that are alike, asked in the transaction that adds one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from dcrserver.metadata.statements import QuotaReached
from dcrserver.policies.statements.effects import Quota, told_of_quota
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Transaction, Writer
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
) -> None:
    """Whether ``record`` may be written, in place of ``before`` where that is a change.

    Raises:
        QuotaReached: there are so many already.
    """
    # In one order everywhere, so that writers do not deadlock.
    for quota in sorted(quotas, key=lambda each: each.by):
        value = _VALUES[quota.by](record)
        if value is None or (before is not None and _VALUES[quota.by](before) == value):
            continue
        await tx.client_quotas.hold(record.tenant, quota.by, value)
        there = await tx.client_quotas.count(record.tenant, quota.by, value, quota.clients)
        if there >= quota.clients:
            told = told_of_quota(quota.by, quota.clients)
            raise QuotaReached(told, detail=f"the statement {quota.statement}")


class Within:
    """A ``Writer``: what is written through it, of one client, is within ``quotas``."""

    def __init__(
        self,
        writer: Writer,
        quotas: Sequence[Quota],
        record: ClientRecord,
        before: ClientRecord | None,
    ) -> None:
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
            await check(tx, self._quotas, self._record, self._before)
            return await use_case(tx)

        return await self._writer.transact(checked)


def within(
    writer: Writer,
    quotas: Sequence[Quota],
    record: ClientRecord,
    before: ClientRecord | None = None,
) -> Writer:
    """What ``record`` is written through, in place of ``before`` where that is a change."""
    return Within(writer, quotas, record, before) if quotas else writer
