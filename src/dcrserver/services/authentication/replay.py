"""Step: what may be presented once is spent in the database, so it holds for all instances."""

from __future__ import annotations

import hashlib

from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction


async def spend(
    database: Database, tenant: str, purpose: str, identifier: str, expires_at: int
) -> bool:
    """False when ``identifier`` was spent for ``purpose`` before; durable when it returns.

    ``expires_at``: when it would be refused anyway, in seconds since 1970.
    """
    digest = digest_of(purpose, identifier)
    # A look first: a second insert would make the batch fail in which it is committed.
    if await is_spent(database, tenant, purpose, identifier):
        return False

    async def write(tx: Transaction) -> None:
        tx.spent_identifiers.add(tenant, digest, expires_at)

    try:
        await database.transact(write)
    except AlreadyThere:
        return False
    return True


async def is_spent(database: Database, tenant: str, purpose: str, identifier: str) -> bool:
    async with database.read() as tx:
        return await tx.spent_identifiers.has(tenant, digest_of(purpose, identifier))


def digest_of(purpose: str, identifier: str) -> str:
    """One name space for each purpose: a jti of one client says nothing about another's."""
    return hashlib.sha256(f"{purpose}\0{identifier}".encode("utf-8", "surrogatepass")).hexdigest()
