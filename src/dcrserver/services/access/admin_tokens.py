"""Step: credentials of authorization servers and administrators, each good for its scopes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from dcrserver import security
from dcrserver.repositories.admin_tokens import AdminTokenRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services.access.actors import Actor
from dcrserver.strict_json import dumps

ADMIN_TOKEN_PREFIX = "adm"  # noqa: S105 - a prefix
_ISSUER_LENGTH = 128


@dataclass(frozen=True, slots=True)
class NewAdminToken:
    """What is to be issued; ``lifetime`` in seconds, 0 for ever.

    ``audiences``: looks at access tokens for one of these only; none for any.
    ``owner``: sees and changes the clients of this owner only; None: those of all.
    """

    scopes: Sequence[str]
    lifetime: int
    label: str = ""
    audiences: Sequence[str] = ()
    owner: str | None = None


def has_prefix(bearer: str) -> bool:
    """Whether it says that it is an admin token."""
    return bearer.startswith(f"{ADMIN_TOKEN_PREFIX}_")


async def find(
    database: Database, tenant: str, bearer: str, beside: str | None = None
) -> AdminTokenRecord | None:
    """The token, if it is good still and one of ``tenant``, ``beside`` or all tenants."""
    digest = security.token_digest(bearer)
    async with database.read() as tx:
        found = await tx.admin_tokens.find(tenant, beside or tenant, digest)
    if found is None or found.revoked_at or 0 < found.expires_at <= time.time():
        return None
    return found


def issue(
    tx: Transaction, tenant: str, wanted: NewAdminToken, issuer: Actor
) -> tuple[str, AdminTokenRecord]:
    """The token and its row."""
    token, now = security.new_token(ADMIN_TOKEN_PREFIX), int(time.time())
    row = AdminTokenRecord(
        tenant=tenant,
        digest=security.token_digest(token),
        id=security.new_client_id(),
        scopes=" ".join(dict.fromkeys(wanted.scopes)),
        issuer=str(issuer)[:_ISSUER_LENGTH],
        label=wanted.label,
        expires_at=now + wanted.lifetime if wanted.lifetime else 0,
        issued_at=now,
        audiences=dumps(list(wanted.audiences)) if wanted.audiences else None,
        owner=wanted.owner,
    )
    tx.admin_tokens.add(row)
    return token, row
