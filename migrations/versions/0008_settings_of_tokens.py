"""what was set for a client's access tokens is part of its metadata

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_clients = sa.table(
    "clients",
    sa.column("tenant", sa.String),
    sa.column("client_id", sa.String),
    sa.column("metadata", sa.Text),
    sa.column("version", sa.Integer),
    sa.column("access_token_lifetime", sa.Integer),
    sa.column("access_token_format", sa.String),
)
_MEMBERS = {
    "access_token_lifetime": "client_credentials_access_token_lifetime",
    "access_token_format": "access_token_format",
}


def upgrade() -> None:
    """The columns keep their values: instances of the version before still read them."""
    bind = op.get_bind()
    is_set = sa.or_(*(_clients.c[column].is_not(None) for column in _MEMBERS))
    keys = bind.execute(sa.select(_clients.c.tenant, _clients.c.client_id).where(is_set)).all()
    for tenant, client_id in keys:
        this = sa.and_(_clients.c.tenant == tenant, _clients.c.client_id == client_id)
        row = bind.execute(sa.select(_clients).where(this)).one()
        given = {member: getattr(row, column) for column, member in _MEMBERS.items()}
        metadata = json.loads(row.metadata)
        metadata |= {member: value for member, value in given.items() if value is not None}
        text = json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))
        # Whoever changes the client now, having read it before, has to read it again.
        bind.execute(sa.update(_clients).where(this).values(metadata=text, version=row.version + 1))


def downgrade() -> None:
    """Nothing to take back: the columns are as they were."""
