"""The audit trail."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table

from dcrserver.db.tables.columns import ClientId, Document, Name, metadata

events = Table(
    "events",
    metadata,
    # Sorts by time; made by us.
    Column("id", Name, nullable=False),
    Column("tenant", Name, nullable=False),
    Column("type", Name, nullable=False),
    Column("at_milliseconds", BigInteger, nullable=False),
    # Who did it: services.audit.actors; client_id, id of a token, subject of a JWT, system user.
    Column("actor_kind", Name, nullable=False, server_default=""),
    Column("actor_id", ClientId),
    # What it was done to: services.audit.SubjectKind.
    Column("subject_kind", Name, nullable=False, server_default=""),
    Column("subject_id", ClientId, nullable=False, server_default=""),
    Column("address", Name),
    Column("request_id", Name),
    # JSON: what changed, secrets masked.
    Column("changes", Document, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "tenant", "id"),
    Index(None, "tenant", "subject_kind", "subject_id", "id"),
)
