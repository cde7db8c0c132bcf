"""Step: why something is not done to a client, although it is meant: client_id -> the reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from dcrserver.errors import Unavailable
from dcrserver.metadata.statements import QuotaReached
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Transaction
from dcrserver.services.access.asking import Asking
from dcrserver.services.access.stored_clients import terms_of
from dcrserver.services.audit import Origin
from dcrserver.services.registration import quotas
from dcrserver.services.registration.decisions import digest_of
from dcrserver.tenants import Tenant

Pair: TypeAlias = tuple[ClientRecord, ClientRecord]
Refusals: TypeAlias = Callable[
    [Transaction, Tenant, Sequence[Pair], Origin], Awaitable[Mapping[str, str]]
]
_NOT_AS_HELD = "it changed since it was held: look at it, and approve its version"


async def none(
    _tx: Transaction, _tenant: Tenant, _pairs: Sequence[Pair], _by: Origin
) -> dict[str, str]:
    """It is done to each."""
    return {}


async def not_as_held(
    tx: Transaction, tenant: Tenant, pairs: Sequence[Pair], _by: Origin
) -> dict[str, str]:
    """An approval is of what was seen: what it is now, nobody said that they saw."""
    told = {}
    for record, _ in pairs:
        known = await tx.client_approvals.find(tenant.name, record.client_id)
        if known is None or known.held_digest != digest_of(record):
            told[record.client_id] = _NOT_AS_HELD
    return told


async def no_room(
    tx: Transaction, tenant: Tenant, pairs: Sequence[Pair], by: Origin
) -> dict[str, str]:
    """There may be no more clients of the owner, as a statement of their policy limits them."""
    told: dict[str, str] = {}
    for number, (old, new) in enumerate(pairs):
        try:
            asking = Asking(tenant.name, by, old.origin, updates=True)
            limits = quotas.limits_of(terms_of(tenant, old).policy, asking, old)
            limits = [each for each in limits if each.by == "owner"]
            more = number - len(told)
            await quotas.check(tx, limits, new, old, more=more)
        except (QuotaReached, Unavailable) as error:
            told[old.client_id] = error.description
    return told
