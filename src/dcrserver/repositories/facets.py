"""What clients are searched by, a row for all copies of one program.

It follows from a client's row alone, and whoever writes that writes this: nobody can forget to.
A process remembers what it has written, so that the next copy costs nothing.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Insert

from dcrserver.db.dialects import insert_of, or_changed
from dcrserver.db.tables import client_facets
from dcrserver.metadata.comparing import exact
from dcrserver.metadata.facets import facets_of
from dcrserver.repositories.rows import row_of

# Rows that a process knows to be there, and for how long it believes it: the tenant may have been
# deleted with all that it had, and made again.
_MAX_KNOWN = 16_384
_KNOWN_SECONDS = 60.0
# Characters of metadata whose facets are remembered.
_LONGEST = 4096


@row_of(client_facets)
class FacetsRecord(NamedTuple):
    """A row of ``client_facets``; ``id`` is a digest of what a client has."""

    tenant: str
    id: str
    name_key: str
    software_id: str | None
    software_version: str | None
    auth_method: str | None
    application_type: str | None
    grant_types: str | None
    redirect_hosts: str | None
    origin: str
    policy: str | None
    retired_at: int = 0


def facets_record(tenant: str, metadata: str, bounds: str | None, origin: str) -> FacetsRecord:
    """Of a client: ``metadata`` and ``bounds`` as they are stored."""
    made = _remembered if len(metadata) <= _LONGEST else _facets_record
    return made(tenant, metadata, bounds, origin)


def _facets_record(tenant: str, metadata: str, bounds: str | None, origin: str) -> FacetsRecord:
    made: dict[str, Any] = facets_of(orjson.loads(metadata))
    made["name_key"] = made["name_key"] or ""
    policy = orjson.loads(bounds).get("policy") if bounds else None
    made |= {"origin": origin, "policy": exact(policy) if policy else None}
    digest = hashlib.sha256(orjson.dumps([tenant, made])).digest()[:16]
    facets_id = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return FacetsRecord(tenant=tenant, id=facets_id, **made)


_remembered = lru_cache(maxsize=256)(_facets_record)


@cache
def insertion(dialect: str) -> Insert:
    """The statement for the database that SQLAlchemy calls ``dialect``: a row that is there stays.

    PostgreSQL's batches make their own of it (``db.protocol.batches``).
    """
    return or_changed(dialect, insert_of(dialect, client_facets))


class KnownFacets:
    """The rows of which a process knows that they are there."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def holds(self, record: FacetsRecord) -> bool:
        return self._until.get(record.id, 0) > time.monotonic()

    def remember(self, records: Iterable[FacetsRecord]) -> None:
        """Those that were committed."""
        if len(self._until) > _MAX_KNOWN:
            self._until.clear()
        ends_at = time.monotonic() + _KNOWN_SECONDS
        self._until |= {record.id: ends_at for record in records}
