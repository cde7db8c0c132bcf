"""what is configured at run time for registration by Asgardeo's API

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_Document = sa.Text().with_variant(MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "dcr_configurations",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("settings", _Document, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_dcr_configurations")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("dcr_configurations")
