"""Work in the background: who does it, and how far it is."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from dcrserver.db.tables.columns import ClientId, Document, Name, metadata, timestamp

# Work that one instance does at a time: migrations on MariaDB.
leases = Table(
    "leases",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("owner", Name, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    # By whichever process; 0: never.
    Column("last_success_at", BigInteger, nullable=False, server_default="0"),
    # Since then.
    Column("failures", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("tenant", "name"),
)

# What administrators had begun that takes longer than a request: services.jobs.
jobs = Table(
    "jobs",
    metadata,
    Column("tenant", Name, nullable=False),
    # Sorts by time; made by us.
    Column("id", Name, nullable=False),
    Column("kind", Name, nullable=False),
    # receiving, queued, running; done, failed, cancelled.
    Column("state", String(16), nullable=False),
    # JSON: what it is to do.
    Column("parameters", Document, nullable=False),
    # JSON: who had it begun, by which request; what it does is done in their name.
    Column("origin", Document, nullable=False),
    # Whose job it is, if it is an owner's.
    Column("owner", String(255)),
    # Where it goes on, after whatever happened to whoever did it.
    Column("position", ClientId, nullable=False, server_default=""),
    # None: not known, or not yet.
    Column("total", BigInteger),
    Column("handled", BigInteger, nullable=False, server_default="0"),
    Column("changed", BigInteger, nullable=False, server_default="0"),
    Column("failed", BigInteger, nullable=False, server_default="0"),
    # JSON: the first clients that it failed for, with the reasons.
    Column("errors", Document, nullable=False),
    # JSON: what else came of it.
    Column("report", Document, nullable=False),
    # How often it was begun since it last got on.
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    timestamp("started_at"),
    timestamp("finished_at"),
    PrimaryKeyConstraint("tenant", "id"),
    Index(None, "state", "updated_at"),
)

# What was sent for a job to work on, a part at a time; it ends with the job.
job_inputs = Table(
    "job_inputs",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("job_id", Name, nullable=False),
    Column("number", Integer, nullable=False),
    # Encrypted, where there is a key; there may be secrets in it.
    Column("content", Document, nullable=False),
    PrimaryKeyConstraint("tenant", "job_id", "number"),
)
