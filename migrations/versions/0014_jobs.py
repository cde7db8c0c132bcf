"""jobs that administrators had begun, and what was sent for them

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_Document = sa.Text().with_variant(MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")
_MARIADB: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}


def _count(name: str, kind: sa.types.TypeEngine[int]) -> sa.Column[int]:
    return sa.Column(name, kind, nullable=False, server_default="0")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("parameters", _Document, nullable=False),
        sa.Column("origin", _Document, nullable=False),
        sa.Column("owner", sa.String(255), nullable=True),
        sa.Column("position", sa.String(512), nullable=False, server_default=""),
        sa.Column("total", sa.BigInteger(), nullable=True),
        _count("handled", sa.BigInteger()),
        _count("changed", sa.BigInteger()),
        _count("failed", sa.BigInteger()),
        sa.Column("errors", _Document, nullable=False),
        sa.Column("report", _Document, nullable=False),
        _count("attempts", sa.Integer()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        _count("started_at", sa.BigInteger()),
        _count("finished_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_jobs")),
        if_not_exists=True,
        **_MARIADB,
    )
    op.create_index(
        op.f("ix_jobs_state_updated_at"), "jobs", ["state", "updated_at"], if_not_exists=True
    )
    op.create_table(
        "job_inputs",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", _Document, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "job_id", "number", name=op.f("pk_job_inputs")),
        if_not_exists=True,
        **_MARIADB,
    )


def downgrade() -> None:
    op.drop_table("job_inputs", if_exists=True)
    op.drop_table("jobs", if_exists=True)
