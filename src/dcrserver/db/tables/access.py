"""Who may do what: tokens for registration and administration, and what they asked once."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from dcrserver.db.tables.columns import Digest, Document, Name, metadata, timestamp

initial_access_tokens = Table(
    "initial_access_tokens",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("digest", Digest, nullable=False),
    Column("id", Name, nullable=False),
    # None: without limit.
    Column("uses_left", Integer),
    # 0: never.
    Column("expires_at", BigInteger, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    # Who issued it, and what for, in words.
    Column("issuer", String(128), nullable=False, server_default=""),
    Column("label", String(200), nullable=False, server_default=""),
    # JSON: policy, scopes and grant types; see metadata.bounds. None: as the tenant's.
    Column("bounds", Document),
    timestamp("revoked_at"),
    PrimaryKeyConstraint("tenant", "digest"),
    Index(None, "tenant", "id"),
)

# Who registered what with which token; a row for each use.
initial_access_token_uses = Table(
    "initial_access_token_uses",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("token_id", Name, nullable=False),
    Column("client_id", Name, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Column("address", Name),
    PrimaryKeyConstraint("tenant", "token_id", "client_id"),
)

# Credentials of authorization servers and administrators, each for the scopes it names; tenant *:
# for all tenants.
admin_tokens = Table(
    "admin_tokens",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("digest", Digest, nullable=False),
    Column("id", Name, nullable=False),
    # Separated by spaces.
    Column("scopes", String(512), nullable=False),
    # A JSON list; NULL: tokens for any audience may be looked at.
    Column("audiences", Document, nullable=True),
    Column("issuer", String(128), nullable=False),
    Column("label", String(200), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    timestamp("revoked_at"),
    # Sees and changes the clients of this owner only; NULL: those of all.
    Column("owner", String(255)),
    PrimaryKeyConstraint("tenant", "digest"),
    Index(None, "tenant", "id"),
)

# Answers to requests with an Idempotency-Key, for whoever asks again.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant", Name, nullable=False),
    # Of the key and of who sent it.
    Column("digest", Digest, nullable=False),
    Column("request_digest", Digest, nullable=False),
    # Encrypted; there may be secrets in it.
    Column("answer", Document, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "digest"),
    Index(None, "expires_at"),
)
