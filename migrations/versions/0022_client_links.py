"""what authorization servers were told of clients

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_Document = sa.Text().with_variant(MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")
_MARIADB: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}
_DUE = sa.text("due_at > 0")


def upgrade() -> None:
    # A statement each, as MariaDB commits each: it can be done again from where it stopped.
    op.create_table(
        "client_links",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(512), nullable=False),
        sa.Column("connector", sa.String(64), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("applied", sa.Integer(), server_default="0", nullable=False),
        sa.Column("raised_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("claim", sa.String(64), server_default="", nullable=False),
        sa.Column("remote_id", sa.String(512), nullable=True),
        sa.Column("fingerprint", sa.String(64), nullable=True),
        sa.Column("kept", _Document, nullable=True),
        sa.Column("sealed_secret", _Document, nullable=True),
        sa.Column("last_error", sa.String(512), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "client_id", "connector", name=op.f("pk_client_links")),
        if_not_exists=True,
        **_MARIADB,
    )
    op.create_index(
        op.f("ix_client_links_connector_due_at"),
        "client_links",
        ["connector", "due_at"],
        sqlite_where=_DUE,
        postgresql_where=_DUE,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_client_links_connector_state_raised_at"),
        "client_links",
        ["connector", "state", "raised_at"],
        if_not_exists=True,
    )
    op.create_table(
        "connector_reports",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("connector", sa.String(64), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.Column("report", _Document, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "connector", name=op.f("pk_connector_reports")),
        if_not_exists=True,
        **_MARIADB,
    )


def downgrade() -> None:
    op.drop_table("connector_reports", if_exists=True)
    op.drop_table("client_links", if_exists=True)
