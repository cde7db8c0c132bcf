"""Access tokens, with what signs them and what ends them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, String, Table

from dcrserver.db.tables.columns import Digest, Document, Name, metadata

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("kid", Name, nullable=False),
    Column("algorithm", String(16), nullable=False),
    # PEM; encrypted when an encryption key is configured.
    Column("private_key", Document, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "kid"),
)

# Opaque access tokens; those that are JWTs are not stored.
access_tokens = Table(
    "access_tokens",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("digest", Digest, nullable=False),
    # JSON: the same claims that a JWT would carry.
    Column("claims", Document, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "digest"),
    Index(None, "expires_at"),
)

# What must not be accepted again until it has expired: jti of assertions and DPoP proofs, by
# digest, and access tokens that were revoked.
spent_identifiers = Table(
    "spent_identifiers",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("digest", Digest, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "digest"),
    Index(None, "expires_at"),
)
