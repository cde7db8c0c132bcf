"""what clients are searched by: origin, tags, secret expiry, and the facets of their metadata

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_DOCUMENT = sa.Text().with_variant(mysql.MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")
# A transaction on MariaDB, so that one that is killed keeps what it did.
_BATCH = 1000
_NEW = {
    "origin": sa.Column("origin", sa.String(32), nullable=False, server_default="open"),
    "tags": sa.Column("tags", sa.String(512), nullable=True),
    "facets_id": sa.Column("facets_id", sa.String(22), nullable=False, server_default=""),
    "secret_expires_at": sa.Column(
        "secret_expires_at", sa.BigInteger(), nullable=False, server_default="0"
    ),
}
_FACETS = (
    "tenant",
    "id",
    "name_key",
    "software_id",
    "software_version",
    "auth_method",
    "application_type",
    "grant_types",
    "redirect_hosts",
    "origin",
    "policy",
)
# Index of clients -> columns, and the condition of those that few rows are in.
_INDEXES: Mapping[str, tuple[Sequence[str], str | None]] = {
    "ix_clients_facets_id_issued_at": (("facets_id", "issued_at"), None),
    "ix_clients_tenant_updated_at": (("tenant", "updated_at"), "updated_at != issued_at"),
    "ix_clients_tenant_owner_issued_at": (("tenant", "owner", "issued_at"), "owner IS NOT NULL"),
    "ix_clients_tenant_tags_issued_at": (("tenant", "tags", "issued_at"), "tags IS NOT NULL"),
    "ix_clients_tenant_suspended_at": (("tenant", "suspended_at"), "suspended_at > 0"),
    "ix_clients_tenant_secret_expires_at": (
        ("tenant", "secret_expires_at"),
        "secret_expires_at > 0",
    ),
}
# Kind of the actor of client.registered -> origin.
_ORIGINS = {
    "initial_access_token": "initial_access_token",
    "administrator": "administrator",
    "operator": "administrator",
}

_CLIENTS = sa.table(
    "clients",
    *(
        sa.column(name, sa.Text)
        for name in ("tenant", "client_id", "metadata", "bounds", "client_secrets", *_NEW)
    ),
)
_CLIENT_FACETS = sa.table("client_facets", *(sa.column(name, sa.Text) for name in _FACETS))


def upgrade() -> None:
    for column in _NEW.values():
        op.add_column("clients", column)
    op.create_table(
        "client_facets",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("name_key", sa.String(255), nullable=False),
        sa.Column("software_id", sa.String(255), nullable=True),
        sa.Column("software_version", sa.String(255), nullable=True),
        sa.Column("auth_method", sa.String(255), nullable=True),
        sa.Column("application_type", sa.String(64), nullable=True),
        sa.Column("grant_types", _DOCUMENT, nullable=True),
        sa.Column("redirect_hosts", _DOCUMENT, nullable=True),
        sa.Column("origin", sa.String(32), nullable=False),
        sa.Column("policy", sa.String(255), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_client_facets")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    _fill_in()
    op.create_index(
        op.f("ix_client_facets_tenant_name_key_id"), "client_facets", ["tenant", "name_key", "id"]
    )
    op.create_index(
        op.f("ix_client_facets_tenant_software_id"), "client_facets", ["tenant", "software_id"]
    )
    for name, (columns, condition) in _INDEXES.items():
        where = sa.text(condition) if condition else None
        op.create_index(
            op.f(name), "clients", list(columns), sqlite_where=where, postgresql_where=where
        )
    op.create_index(op.f("ix_last_uses_tenant_used_at"), "last_uses", ["tenant", "used_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_last_uses_tenant_used_at"), "last_uses")
    for name in _INDEXES:
        op.drop_index(op.f(name), "clients")
    op.drop_table("client_facets")
    for name in reversed(_NEW):
        op.drop_column("clients", name)


def _fill_in() -> None:
    """Row by row, as only Python reads JSON everywhere; what was filled in before stays."""
    from dcrserver.repositories.facets import facets_record  # noqa: PLC0415 - only old rows need it

    connection, columns = op.get_bind(), _CLIENTS.c
    chosen = (
        sa.select(
            columns.tenant, columns.client_id, columns.metadata, columns.bounds,
            columns.client_secrets,
        )
        .where(columns.facets_id == "")
        .order_by(columns.tenant, columns.client_id)
        .limit(_BATCH)
    )  # fmt: skip
    after: tuple[str, str] = ("", "")
    seen: set[str] = set()
    while rows := connection.execute(chosen.where(_after(*after))).all():
        after = (rows[-1].tenant, rows[-1].client_id)
        origins = _origins(connection, rows)
        facets = {
            (row.tenant, row.client_id): facets_record(
                row.tenant,
                row.metadata,
                row.bounds,
                origins.get((row.tenant, row.client_id), "open"),
            )
            for row in rows
        }
        new = {made.id: made._asdict() for made in facets.values() if made.id not in seen}
        _insert(connection, [{name: row[name] for name in _FACETS} for row in new.values()])
        seen |= new.keys()
        _update(connection, rows, facets)
        if connection.dialect.name == "mysql":
            connection.exec_driver_sql("COMMIT")


def _after(tenant: str, client_id: str) -> sa.ColumnElement[bool]:
    """Said twice: MariaDB finds its index for the second only, the others for the first."""
    columns = _CLIENTS.c
    return sa.and_(
        sa.tuple_(columns.tenant, columns.client_id) > sa.tuple_(tenant, client_id),
        sa.or_(
            columns.tenant > tenant,
            sa.and_(columns.tenant == tenant, columns.client_id > client_id),
        ),
    )


def _update(connection: sa.Connection, rows: Sequence[Any], facets: Mapping[Any, Any]) -> None:
    connection.execute(
        sa.update(_CLIENTS)
        .where(
            _CLIENTS.c.tenant == sa.bindparam("b_tenant"),
            _CLIENTS.c.client_id == sa.bindparam("b_client_id"),
        )
        .values(
            origin=sa.bindparam("b_origin"),
            facets_id=sa.bindparam("b_facets_id"),
            secret_expires_at=sa.bindparam("b_ends_at", type_=sa.BigInteger()),
        ),
        [
            {
                "b_tenant": row.tenant,
                "b_client_id": row.client_id,
                "b_origin": facets[row.tenant, row.client_id].origin,
                "b_facets_id": facets[row.tenant, row.client_id].id,
                "b_ends_at": _secret_ends_at(row.client_secrets),
            }
            for row in rows
        ],
    )


def _insert(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    """Those that are not there: one that was killed on MariaDB may have left some."""
    known = {
        (row.tenant, row.id)
        for row in connection.execute(
            sa.select(_CLIENT_FACETS.c.tenant, _CLIENT_FACETS.c.id).where(
                _CLIENT_FACETS.c.id.in_([row["id"] for row in rows])
            )
        )
    }
    if new := [row for row in rows if (row["tenant"], row["id"]) not in known]:
        connection.execute(sa.insert(_CLIENT_FACETS), new)


def _secret_ends_at(text: str | None) -> int:
    import json  # noqa: PLC0415 - only old rows need it

    return int(json.loads(text)[0]["expires_at"]) if text else 0


def _origins(connection: sa.Connection, rows: Sequence[Any]) -> dict[tuple[str, str], str]:
    """Who registered or imported the clients of ``rows``, as far as events are kept."""
    names = ("tenant", "type", "actor_kind", "subject_kind", "subject_id")
    events = sa.table("events", *(sa.column(name, sa.Text) for name in names))
    found = connection.execute(
        sa.select(events.c.tenant, events.c.subject_id, events.c.type, events.c.actor_kind).where(
            events.c.tenant.in_({row.tenant for row in rows}),
            events.c.subject_kind == "client",
            events.c.subject_id.in_([row.client_id for row in rows]),
            events.c.type.in_(["client.registered", "client.imported"]),
        )
    )
    made: dict[tuple[str, str], str] = {}
    for tenant, client_id, kind, actor in found:
        by_actor = _ORIGINS.get(actor, "open")
        made[tenant, client_id] = "import" if kind == "client.imported" else by_actor
    return made
