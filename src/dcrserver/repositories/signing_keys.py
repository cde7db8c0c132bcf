"""Keys that sign access tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select

from dcrserver.db.tables import signing_keys
from dcrserver.repositories.rows import as_row

if TYPE_CHECKING:
    from dcrserver.repositories.transaction import Transaction

_INSERT = insert(signing_keys)
_SELECT = (
    select(signing_keys)
    .where(signing_keys.c.tenant == bindparam("b_tenant"))
    .order_by(signing_keys.c.created_at, signing_keys.c.kid)
)


@dataclass(frozen=True, slots=True)
class SigningKeyRecord:
    """A row of ``signing_keys``; ``private_key`` is PEM, or that encrypted."""

    tenant: str
    kid: str
    algorithm: str
    private_key: str
    created_at: int


class SigningKeyRepository:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def add(self, record: SigningKeyRecord) -> None:
        self._tx.insert(_INSERT, as_row(record))

    async def all(self, tenant: str) -> list[SigningKeyRecord]:
        """Oldest first."""
        found = await self._tx.execute(_SELECT, {"b_tenant": tenant})
        return [SigningKeyRecord(**row) for row in found.mappings()]
