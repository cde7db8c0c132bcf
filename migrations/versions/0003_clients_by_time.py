"""clients by time: an index that new clients come to the end of

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NEW = "ix_clients_tenant_issued_at"
_OLD = "ix_clients_tenant_issued_at_client_id"


def upgrade() -> None:
    op.create_index(op.f(_NEW), "clients", ["tenant", "issued_at"])
    op.drop_index(op.f(_OLD), "clients")


def downgrade() -> None:
    op.create_index(op.f(_OLD), "clients", ["tenant", "issued_at", "client_id"])
    op.drop_index(op.f(_NEW), "clients")
