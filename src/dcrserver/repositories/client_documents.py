"""What was read of clients that name themselves by the URL of their metadata."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.sql import ClauseElement

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import client_documents as documents
from dcrserver.repositories.rows import row_of
from dcrserver.repositories.upsert import upsert

_FIND = select(documents).where(
    documents.c.tenant == bindparam("b_tenant"), documents.c.client_id == bindparam("b_client_id")
)


@cache
def _upsert(dialect: str) -> ClauseElement:
    """Who writes last has read it last, or nearly."""
    return upsert(dialect, documents)


@row_of(documents)
class ClientDocumentRecord(NamedTuple):
    """A row of ``client_documents``: a document as it counts, good until ``fresh_until``.

    ``problem``: why it could not be read anew, or what is there now is not acceptable.
    """

    tenant: str
    client_id: str
    digest: str
    fetched_at: int
    fresh_until: int
    problem: str | None = None
    problem_at: int = 0


class ClientDocumentRepository:
    """What was read, by tenant and client_id."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, tenant: str, client_id: str) -> ClientDocumentRecord | None:
        """What was read for this client last; None: nothing yet."""
        values = {"b_tenant": tenant, "b_client_id": client_id}
        row = (await self._session.execute(_FIND, values)).one_or_none()
        return None if row is None else ClientDocumentRecord(**row)

    async def write(self, record: ClientDocumentRecord) -> None:
        """In place of what was known before."""
        await self._session.execute_many(_upsert(self._session.dialect), [record._asdict()])
