"""Keys that sign access tokens."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, update

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import signing_keys
from dcrserver.repositories.rows import row_of

_INSERT = insert(signing_keys)
_SELECT = (
    select(signing_keys)
    .where(signing_keys.c.tenant == bindparam("b_tenant"))
    .order_by(signing_keys.c.created_at, signing_keys.c.kid)
)
# Nobody else does the same until the transaction ends.
_HOLD = _SELECT.with_for_update()

_KEY = and_(
    signing_keys.c.tenant == bindparam("b_tenant"), signing_keys.c.kid == bindparam("b_kid")
)
_DELETE = delete(signing_keys).where(_KEY)
_SELECT_ALL = select(signing_keys).order_by(signing_keys.c.tenant, signing_keys.c.kid)
_SELECT_AGING = (
    select(signing_keys.c.tenant)
    .group_by(signing_keys.c.tenant)
    .having(or_(func.max(signing_keys.c.created_at) <= bindparam("b_made_until"), func.count() > 1))
)
_REWRITE = update(signing_keys).where(_KEY).values(private_key=bindparam("b_private_key"))


@row_of(signing_keys)
class SigningKeyRecord(NamedTuple):
    """A row of ``signing_keys``; ``private_key`` is PEM, or that encrypted."""

    tenant: str
    kid: str
    algorithm: str
    private_key: str
    created_at: int


class SigningKeyRepository:
    """The keys that sign our access tokens, by tenant and kid."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: SigningKeyRecord) -> None:
        self._session.insert(_INSERT, record._asdict())

    async def all(self, tenant: str) -> list[SigningKeyRecord]:
        """The keys of a tenant, oldest first."""
        found = await self._session.execute(_SELECT, {"b_tenant": tenant})
        return [SigningKeyRecord(**row) for row in found.all()]

    async def held(self, tenant: str) -> list[SigningKeyRecord]:
        """The same; none of them is deleted by others until the transaction ends."""
        found = await self._session.execute(_HOLD, {"b_tenant": tenant})
        return [SigningKeyRecord(**row) for row in found.all()]

    async def delete(self, tenant: str, kid: str) -> bool:
        """Deletes a key; False when it was gone."""
        done = await self._session.execute(_DELETE, {"b_tenant": tenant, "b_kid": kid})
        return done.rowcount == 1

    async def aging(self, made_until: int) -> set[str]:
        """Tenants whose newest key is that old, or that have others beside it."""
        found = await self._session.execute(_SELECT_AGING, {"b_made_until": made_until})
        return {row["tenant"] for row in found.all()}

    async def of_all_tenants(self) -> list[SigningKeyRecord]:
        """The keys of every tenant."""
        found = await self._session.execute(_SELECT_ALL, {})
        return [SigningKeyRecord(**row) for row in found.all()]

    async def rewrite(self, tenant: str, kid: str, private_key: str) -> None:
        """Writes the same key, encrypted in another way."""
        values = {"b_tenant": tenant, "b_kid": kid, "b_private_key": private_key}
        await self._session.execute(_REWRITE, values)
