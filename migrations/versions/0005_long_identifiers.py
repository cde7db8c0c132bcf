"""client identifiers of up to 512 characters, as other servers issue them

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = {"clients": False, "events": True, "last_uses": False}
_BEFORE, _AFTER = sa.String(64), sa.String(512)


def upgrade() -> None:
    _change(_BEFORE, _AFTER)


def downgrade() -> None:
    """Fails where a longer identifier is stored: cut off it would be another one."""
    _change(_AFTER, _BEFORE)


def _change(before: sa.String, after: sa.String) -> None:
    if op.get_bind().dialect.name == "sqlite":
        return  # it keeps texts of any length, and would have to copy the tables
    for table, nullable in _TABLES.items():
        op.alter_column(
            table, "client_id", existing_type=before, type_=after, existing_nullable=nullable
        )
