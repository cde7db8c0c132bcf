"""Step: something is bound to a policy, which must be there for as long as that is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from dcrserver.errors import Unavailable
from dcrserver.metadata.bounds import Bounds
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.tenants import Tenant

T = TypeVar("T")

# By then every process knows.
_KNOWN_SECONDS = 2


async def bind(tx: Transaction, tenant: Tenant, bounds: Bounds) -> None:
    """What this transaction writes may be bound to ``bounds``.

    What was judged by a policy may be written when it is gone, and would be judged by none.

    Raises:
        Unavailable: the policy was deleted a moment ago. Whoever asks again is told what is there.
    """
    if not await may_bind(tx, tenant, bounds):
        raise Unavailable(
            "the policy of this request was deleted a moment ago; try again",
            retry_after=_KNOWN_SECONDS,
        )


async def may_bind(tx: Transaction, tenant: Tenant, bounds: Bounds) -> bool:
    """As ``bind``; False: there is no such policy."""
    name = bounds.policy
    if name is None:
        return True
    is_declared = bounds.policy_version is None and name in tenant.declared_policies
    if not is_declared and not await tx.policy_bindings.hold(tenant.name, name):
        return False
    tx.clients.may_bind_to(name)
    return True


class Bound:
    """A ``Writer``: what is written through it may be bound to ``bounds``."""

    def __init__(self, database: Database, tenant: Tenant, bounds: Bounds) -> None:
        self._database = database
        self._tenant = tenant
        self._bounds = bounds

    async def transact(self, use_case: Callable[[Transaction], Awaitable[T]]) -> T:
        """As ``Database.transact``.

        Raises:
            Unavailable: also as ``bind``; nothing was written.
        """

        async def bound(tx: Transaction) -> T:
            await bind(tx, self._tenant, self._bounds)
            return await use_case(tx)

        return await self._database.transact(bound)
