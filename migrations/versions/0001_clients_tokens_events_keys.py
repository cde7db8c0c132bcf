"""clients, tokens, events, keys

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


_DOCUMENT = sa.Text().with_variant(mysql.MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "clients",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("metadata", _DOCUMENT, nullable=False),
        sa.Column("registration_access_token_digest", sa.String(length=64), nullable=False),
        sa.Column("client_secret_digest", sa.String(length=255), nullable=True),
        sa.Column("client_secret_ciphertext", sa.String(length=255), nullable=True),
        sa.Column("client_secret_expires_at", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "client_id", name=op.f("pk_clients")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        op.f("ix_clients_tenant_issued_at_client_id"),
        "clients",
        ["tenant", "issued_at", "client_id"],
        unique=False,
    )

    op.create_table(
        "events",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("at_milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("changes", _DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        op.f("ix_events_tenant_client_id_id"),
        "events",
        ["tenant", "client_id", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_events_tenant_id"), "events", ["tenant", "id"], unique=False)

    op.create_table(
        "initial_access_tokens",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "digest", name=op.f("pk_initial_access_tokens")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        op.f("ix_initial_access_tokens_tenant_id"),
        "initial_access_tokens",
        ["tenant", "id"],
        unique=False,
    )

    op.create_table(
        "signing_keys",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("private_key", _DOCUMENT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "kid", name=op.f("pk_signing_keys")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    op.drop_table("signing_keys")
    op.drop_index(op.f("ix_initial_access_tokens_tenant_id"), "initial_access_tokens")

    op.drop_table("initial_access_tokens")
    op.drop_index(op.f("ix_events_tenant_id"), "events")
    op.drop_index(op.f("ix_events_tenant_client_id_id"), "events")

    op.drop_table("events")
    op.drop_index(op.f("ix_clients_tenant_issued_at_client_id"), "clients")

    op.drop_table("clients")
