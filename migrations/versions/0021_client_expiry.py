"""when clients end

Revision ID: 0021
Revises: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_ENDS = sa.text("expires_at > 0")


def upgrade() -> None:
    op.add_column("clients", sa.Column("expires_at", sa.BigInteger(), nullable=True))
    op.create_index(
        op.f("ix_clients_expires_at_tenant"),
        "clients",
        ["expires_at", "tenant"],
        sqlite_where=_ENDS,
        postgresql_where=_ENDS,
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_clients_expires_at_tenant"), "clients", if_exists=True)
    op.drop_column("clients", "expires_at")
