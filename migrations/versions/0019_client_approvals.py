"""registrations that are held until an administrator approves them

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_Document = sa.Text().with_variant(MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")
_MARIADB: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}
_ENDS = sa.text("ends_at > 0")


def upgrade() -> None:
    # A statement each, as MariaDB commits each: it can be done again from where it stopped.
    op.add_column("clients", sa.Column("approval", sa.String(16), nullable=True))
    op.add_column(
        "clients", sa.Column("shared_at", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.create_table(
        "client_approvals",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(512), nullable=False),
        sa.Column("held_digest", sa.String(64), nullable=False),
        sa.Column("statements", _Document, nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("reason", _Document, nullable=True),
        sa.PrimaryKeyConstraint("tenant", "client_id", name=op.f("pk_client_approvals")),
        if_not_exists=True,
        **_MARIADB,
    )
    op.create_index(
        op.f("ix_client_approvals_ends_at"),
        "client_approvals",
        ["ends_at"],
        sqlite_where=_ENDS,
        postgresql_where=_ENDS,
        if_not_exists=True,
    )


def downgrade() -> None:
    """Those that wait stay suspended: nobody lets them in but an administrator."""
    op.drop_table("client_approvals", if_exists=True)
    op.drop_column("clients", "shared_at")
    op.drop_column("clients", "approval")
