"""clients that many share, by what they registered

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shared_clients",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(512), nullable=False),
        sa.Column("registrations", sa.BigInteger(), nullable=False),
        sa.Column("last_registered_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "fingerprint", name=op.f("pk_shared_clients")),
        if_not_exists=True,
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        op.f("ix_shared_clients_tenant_client_id"),
        "shared_clients",
        ["tenant", "client_id"],
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("shared_clients", if_exists=True)
