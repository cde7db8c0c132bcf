"""the owner of a client that came from another server

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clients", sa.Column("owner", sa.String(255), nullable=True))


def downgrade() -> None:
    op.drop_column("clients", "owner")
