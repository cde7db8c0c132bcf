"""Step: who may register, by mode and initial access token (RFC 7591 3)."""

from __future__ import annotations

import time
from typing import Literal

from dcrserver import security
from dcrserver.errors import InsufficientScope, InvalidToken, MissingToken
from dcrserver.repositories.initial_access_tokens import InitialAccessTokenRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.tenants import Tenant

Mode = Literal["open", "protected", "closed"]

INITIAL_TOKEN_PREFIX = "iat"  # noqa: S105 - a prefix


async def authorize(
    database: Database, tenant: Tenant, mode: Mode, bearer: str | None
) -> InitialAccessTokenRecord | None:
    """The token that lets the caller register; None in open mode without one. Takes no use yet.

    Raises:
        MissingToken: the mode wants one.
        InvalidToken: unknown, expired or used up.
        InsufficientScope: registration is closed.
    """
    if bearer is None:
        if mode == "open":
            return None
        raise MissingToken("this server needs an initial access token for registration")
    async with database.read() as tx:
        found = await tx.initial_access_tokens.find(
            tenant.name, security.token_digest(bearer), int(time.time())
        )
    if found is None:
        raise InvalidToken("the initial access token is unknown, expired or used up")
    if mode == "closed":
        raise InsufficientScope("registration is closed; ask an administrator")
    return found


async def redeem(tx: Transaction, token: InitialAccessTokenRecord) -> None:
    """Takes one use, in the transaction of the registration it pays for.

    Raises:
        InvalidToken: another registration took the last.
    """
    if not await tx.initial_access_tokens.redeem(token.tenant, token.digest, int(time.time())):
        raise InvalidToken("the initial access token is unknown, expired or used up")


def issue(
    tx: Transaction, tenant: Tenant, *, uses: int | None, lifetime: int
) -> tuple[str, InitialAccessTokenRecord]:
    """The token and its row. ``uses`` None: without limit; ``lifetime`` in seconds, 0 for ever."""
    token = security.new_token(INITIAL_TOKEN_PREFIX)
    now = int(time.time())
    row = InitialAccessTokenRecord(
        tenant=tenant.name,
        digest=security.token_digest(token),
        id=security.new_client_id(),
        uses_left=uses,
        expires_at=now + lifetime if lifetime else 0,
        issued_at=now,
    )
    tx.initial_access_tokens.add(row)
    return token, row
