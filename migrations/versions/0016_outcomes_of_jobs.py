"""when a job was last done, and how often it failed since, for all processes to tell

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A statement each, as MariaDB commits each: it can be done again from where it stopped.
    op.add_column(
        "leases", sa.Column("last_success_at", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("leases", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("leases", "failures")
    op.drop_column("leases", "last_success_at")
