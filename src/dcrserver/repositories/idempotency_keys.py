"""Answers that are kept for whoever asks again with the same Idempotency-Key."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import idempotency_keys as keys
from dcrserver.repositories.expiry import Expired
from dcrserver.repositories.rows import row_of

_INSERT = insert(keys)
_BY_KEY = (keys.c.tenant == bindparam("b_tenant")) & (keys.c.digest == bindparam("b_digest"))
_SELECT = select(keys).where(_BY_KEY)
_DELETE_EXPIRED = delete(keys).where(_BY_KEY, keys.c.expires_at <= bindparam("b_now"))
_EXPIRED = Expired(keys)


@row_of(keys)
class IdempotencyKeyRecord(NamedTuple):
    """A row of ``idempotency_keys``; ``answer`` is encrypted."""

    tenant: str
    digest: str
    request_digest: str
    answer: str
    expires_at: int


class IdempotencyKeyRepository:
    """Keys that were used, with the answers, by digest."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: IdempotencyKeyRecord) -> None:
        self._session.insert(_INSERT, record._asdict())

    async def find(self, tenant: str, digest: str) -> IdempotencyKeyRecord | None:
        """The key of this digest, expired or not."""
        found = await self._session.execute(_SELECT, {"b_tenant": tenant, "b_digest": digest})
        row = found.one_or_none()
        return None if row is None else IdempotencyKeyRecord(**row)

    async def forget(self, tenant: str, digest: str, now: int) -> None:
        """Removes a key that has expired, so that it can be used anew."""
        values = {"b_tenant": tenant, "b_digest": digest, "b_now": now}
        await self._session.execute(_DELETE_EXPIRED, values)

    async def purge(self, now: int) -> bool:
        """Removes some that have expired; whether there may be more."""
        return await _EXPIRED.purge(self._session, now)
