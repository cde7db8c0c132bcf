"""tenants and policies that are made at run time, and how often they were changed

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_Document = sa.Text().with_variant(MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")
_NEW: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
    "if_not_exists": True,
}


def upgrade() -> None:
    op.create_table(
        "configuration_changes",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_configuration_changes")),
        **_NEW,
    )
    op.create_table(
        "stored_tenants",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("settings", _Document, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("progress", _Document, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_stored_tenants")),
        **_NEW,
    )
    op.create_table(
        "stored_policies",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("policy", _Document, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("change_number", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.Column("activated_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("activated_by", sa.String(128), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", "version", name=op.f("pk_stored_policies")),
        **_NEW,
    )


def downgrade() -> None:
    for name in ("stored_policies", "stored_tenants", "configuration_changes"):
        op.drop_table(name)
