"""The tables, declared once for the repositories and for Alembic.

Every row carries its tenant; every primary key is made by us, so that the schema works unchanged
on a distributed engine. Times are seconds since 1970 (milliseconds where a name says so).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.mysql import MEDIUMTEXT

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Identifiers are compared octet by octet; MariaDB would fold case otherwise.
_MARIADB: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}
_Document = Text().with_variant(MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")
_Name = String(64)
_Digest = String(64)

clients = Table(
    "clients",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("client_id", _Name, nullable=False),
    # The registration as one document, exactly as it is echoed.
    Column("metadata", _Document, nullable=False),
    Column("registration_access_token_digest", _Digest, nullable=False),
    Column("client_secret_digest", String(255)),
    # Only where the authorization server must read the secret again; see security.SecretBox.
    Column("client_secret_ciphertext", String(255)),
    Column("client_secret_expires_at", BigInteger, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "client_id"),
    Index(None, "tenant", "issued_at", "client_id"),
    **_MARIADB,
)

initial_access_tokens = Table(
    "initial_access_tokens",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("digest", _Digest, nullable=False),
    Column("id", _Name, nullable=False),
    # None: without limit.
    Column("uses_left", Integer),
    # 0: never.
    Column("expires_at", BigInteger, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "digest"),
    Index(None, "tenant", "id"),
    **_MARIADB,
)

events = Table(
    "events",
    metadata,
    # Sorts by time; made by us.
    Column("id", _Name, nullable=False),
    Column("tenant", _Name, nullable=False),
    Column("type", _Name, nullable=False),
    Column("at_milliseconds", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("client_id", _Name),
    Column("address", _Name),
    Column("request_id", _Name),
    # JSON: what changed, secrets masked.
    Column("changes", _Document, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "tenant", "id"),
    Index(None, "tenant", "client_id", "id"),
    **_MARIADB,
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("tenant", _Name, nullable=False),
    Column("kid", _Name, nullable=False),
    Column("algorithm", String(16), nullable=False),
    # PEM; encrypted when an encryption key is configured.
    Column("private_key", _Document, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "kid"),
    **_MARIADB,
)
