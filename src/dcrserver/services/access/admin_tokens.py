"""Step: credentials of authorization servers and administrators, each good for its scopes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from dcrserver import security
from dcrserver.errors import InsufficientScope, InvalidToken, MissingToken
from dcrserver.repositories.admin_tokens import AdminTokenRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services.access.actors import Actor
from dcrserver.strict_json import dumps
from dcrserver.tenants import Tenant

ADMIN_TOKEN_PREFIX = "adm"  # noqa: S105 - a prefix
_ISSUER_LENGTH = 128


@dataclass(frozen=True, slots=True)
class NewAdminToken:
    """What is to be issued; ``lifetime`` in seconds, 0 for ever.

    ``audiences``: looks at access tokens for one of these only; none for any.
    """

    scopes: Sequence[str]
    lifetime: int
    label: str = ""
    audiences: Sequence[str] = ()


def has_prefix(bearer: str) -> bool:
    """Whether it says that it is an admin token."""
    return bearer.startswith(f"{ADMIN_TOKEN_PREFIX}_")


async def find(database: Database, tenant: str, bearer: str) -> AdminTokenRecord | None:
    """The token, if it is one of ``tenant`` that is good still."""
    async with database.read() as tx:
        found = await tx.admin_tokens.find(tenant, security.token_digest(bearer))
    if found is None or found.revoked_at or 0 < found.expires_at <= time.time():
        return None
    return found


async def authorize(
    database: Database, tenant: Tenant, bearer: str | None, scope: str
) -> AdminTokenRecord:
    """The token, which is good for ``scope``.

    Raises:
        MissingToken: there is none.
        InvalidToken: unknown, expired or revoked.
        InsufficientScope: it is for something else.
    """
    if bearer is None:
        raise MissingToken("an admin token is required")
    found = await find(database, tenant.name, bearer)
    if found is None:
        raise InvalidToken("the admin token is unknown or expired")
    if scope not in found.scopes.split():
        raise InsufficientScope(f"the admin token needs the scope {scope}")
    return found


def issue(
    tx: Transaction, tenant: Tenant, wanted: NewAdminToken, issuer: Actor
) -> tuple[str, AdminTokenRecord]:
    """The token and its row."""
    token, now = security.new_token(ADMIN_TOKEN_PREFIX), int(time.time())
    row = AdminTokenRecord(
        tenant=tenant.name,
        digest=security.token_digest(token),
        id=security.new_client_id(),
        scopes=" ".join(dict.fromkeys(wanted.scopes)),
        issuer=str(issuer)[:_ISSUER_LENGTH],
        label=wanted.label,
        expires_at=now + wanted.lifetime if wanted.lifetime else 0,
        issued_at=now,
        audiences=dumps(list(wanted.audiences)) if wanted.audiences else None,
    )
    tx.admin_tokens.add(row)
    return token, row
