"""What of the configuration is made at run time, or read from elsewhere."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Table

from dcrserver.db.tables.columns import Document, Name, metadata, timestamp

# One row, which every process looks at once a second: how often stored tenants and policies were
# changed. Each change is made on top of the one before, so that none is checked against another
# state than the one that it makes.
configuration_changes = Table(
    "configuration_changes",
    metadata,
    # Empty: those of all.
    Column("tenant", Name, nullable=False),
    Column("number", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant"),
)

# Tenants that were made at run time, beside those of the configuration file.
stored_tenants = Table(
    "stored_tenants",
    metadata,
    Column("tenant", Name, nullable=False),
    # JSON: the keys of [tenants.NAME].
    Column("settings", Document, nullable=False),
    # active, suspended, deleting; deleted: all is gone, and the name is not free yet.
    Column("status", String(16), nullable=False),
    # JSON: by table, how many rows were deleted; None: nothing yet.
    Column("progress", Document),
    # The number of the change that it was last touched by.
    Column("version", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant"),
)

# Policies that were made at run time, each with all that it ever was.
stored_policies = Table(
    "stored_policies",
    metadata,
    # *: for all tenants.
    Column("tenant", Name, nullable=False),
    Column("name", Name, nullable=False),
    # 0: the draft.
    Column("version", Integer, nullable=False),
    # JSON: the keys of [policies.NAME].
    Column("policy", Document, nullable=False),
    # draft, active, retired.
    Column("state", String(16), nullable=False),
    # The number of the change that it was last touched by.
    Column("change_number", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(128), nullable=False),
    timestamp("activated_at"),
    Column("activated_by", String(128), nullable=False, server_default=""),
    PrimaryKeyConstraint("tenant", "name", "version"),
)

# What administrators configured at run time for registration by Asgardeo's API.
dcr_configurations = Table(
    "dcr_configurations",
    metadata,
    Column("tenant", Name, nullable=False),
    # JSON: services.tenants.dcr_configuration.
    Column("settings", Document, nullable=False),
    # The number of the change that it was last touched by.
    Column("version", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant"),
)

# The metadata document of a tenant's authorization server, as it was read last from ``location``.
authorization_server_metadata = Table(
    "authorization_server_metadata",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("location", Document, nullable=False),
    Column("document", Document, nullable=False),
    Column("fetched_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant"),
)
