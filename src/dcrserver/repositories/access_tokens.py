"""Opaque access tokens, and identifiers that must not be accepted (again)."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Insert, and_, bindparam, delete, insert, select

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import access_tokens, spent_identifiers
from dcrserver.repositories.expiry import Expired
from dcrserver.repositories.rows import row_of

_INSERT_TOKEN = insert(access_tokens)
_TOKEN = and_(
    access_tokens.c.tenant == bindparam("b_tenant"),
    access_tokens.c.digest == bindparam("b_digest"),
)
_SELECT_TOKEN = select(access_tokens).where(_TOKEN)
_DELETE_TOKEN = delete(access_tokens).where(_TOKEN)
_EXPIRED_TOKENS = Expired(access_tokens)

_INSERT_SPENT = insert(spent_identifiers)
_SELECT_SPENT = select(spent_identifiers.c.digest).where(
    spent_identifiers.c.tenant == bindparam("b_tenant"),
    spent_identifiers.c.digest == bindparam("b_digest"),
)
_EXPIRED_SPENT = Expired(spent_identifiers)


@row_of(access_tokens)
class AccessTokenRecord(NamedTuple):
    """A row of ``access_tokens``; ``claims`` is JSON text."""

    tenant: str
    digest: str
    claims: str
    expires_at: int


@row_of(spent_identifiers)
class SpentIdentifier(NamedTuple):
    """A row of ``spent_identifiers``."""

    tenant: str
    digest: str
    expires_at: int

    @property
    def insertion(self) -> tuple[Insert, dict[str, Any]]:
        """What writes it."""
        return _INSERT_SPENT, self._asdict()


class AccessTokenRepository:
    """Opaque access tokens of our token endpoint, by digest."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: AccessTokenRecord) -> None:
        self._session.insert(_INSERT_TOKEN, record._asdict())

    async def find(self, tenant: str, digest: str) -> AccessTokenRecord | None:
        """The token of this digest, expired or not."""
        found = await self._session.execute(_SELECT_TOKEN, {"b_tenant": tenant, "b_digest": digest})
        row = found.one_or_none()
        return None if row is None else AccessTokenRecord(**row)

    async def delete(self, tenant: str, digest: str) -> None:
        await self._session.execute(_DELETE_TOKEN, {"b_tenant": tenant, "b_digest": digest})

    async def purge(self, now: int) -> bool:
        """Removes some of what has expired; returns whether there may be more."""
        return await _EXPIRED_TOKENS.purge(self._session, now)


class SpentIdentifierRepository:
    """``digest`` is of the identifier and of what it was for; see ``services.replay``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, tenant: str, digest: str, expires_at: int) -> None:
        """Marks it as used; a second one is ``AlreadyThere`` when the transaction ends."""
        self._session.insert(*SpentIdentifier(tenant, digest, expires_at).insertion)

    async def has(self, tenant: str, digest: str) -> bool:
        """Whether this identifier of an assertion or proof was used before."""
        found = await self._session.execute(_SELECT_SPENT, {"b_tenant": tenant, "b_digest": digest})
        return bool(found.all())

    async def purge(self, now: int) -> bool:
        """Removes some of what has expired; returns whether there may be more."""
        return await _EXPIRED_SPENT.purge(self._session, now)
