"""Step: the first administrator, whose token the operator chose before anything was there."""

from __future__ import annotations

from contextlib import suppress

from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction
from dcrserver.services.access import admin_tokens
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.scopes import ROLES
from dcrserver.services.audit import Origin
from dcrserver.services.audit.actors import SYSTEM

# Whoever has it may issue tokens, so there is an administrator already.
_ISSUES = "tokens:write"
_FIRST = NewAdminToken(ROLES["administrator"], lifetime=0, label="bootstrap")


async def bootstrap(database: Database, lists: Lists, token: str) -> bool:
    """Makes ``token`` one of an administrator of all tenants; False when there was one before.

    Also one that has expired or was revoked counts: what was ended stays so. Of instances that
    start at once one makes it, as they have the same token.

    Raises:
        Unavailable: the database does not answer.
    """
    there = await lists.tokens.admin_tokens(ALL_TENANTS)
    if any(_ISSUES in row.scopes.split() for row in there):
        return False

    async def write(tx: Transaction) -> bool:
        admin_tokens.issue(tx, ALL_TENANTS, _FIRST, Origin(SYSTEM), token)
        return True

    with suppress(AlreadyThere):
        return await database.transact(write)
    return False
