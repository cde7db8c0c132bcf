"""deleted clients that can be restored, notes about clients, answers to requests with a key

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_Document = sa.Text().with_variant(MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")
_MARIADB: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}


def upgrade() -> None:
    op.create_table(
        "deleted_clients",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(512), nullable=False),
        sa.Column("deleted_at_milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("purge_at", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(255), nullable=True),
        sa.Column("record", _Document, nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant", "client_id", "deleted_at_milliseconds", name=op.f("pk_deleted_clients")
        ),
        if_not_exists=True,
        **_MARIADB,
    )
    op.create_index(
        op.f("ix_deleted_clients_purge_at"), "deleted_clients", ["purge_at"], if_not_exists=True
    )
    op.create_table(
        "client_notes",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(512), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.String(128), nullable=False),
        sa.Column("text", _Document, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "client_id", "id", name=op.f("pk_client_notes")),
        if_not_exists=True,
        **_MARIADB,
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("answer", _Document, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "digest", name=op.f("pk_idempotency_keys")),
        if_not_exists=True,
        **_MARIADB,
    )
    op.create_index(
        op.f("ix_idempotency_keys_expires_at"),
        "idempotency_keys",
        ["expires_at"],
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("idempotency_keys", if_exists=True)
    op.drop_table("client_notes", if_exists=True)
    op.drop_table("deleted_clients", if_exists=True)
