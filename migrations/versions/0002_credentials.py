"""credentials: secrets with a life, bounded tokens, access tokens, replay, last use

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


_DOCUMENT = sa.Text().with_variant(mysql.MEDIUMTEXT(collation="utf8mb4_bin"), "mysql", "mariadb")
_MARIADB = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}
_OLD_SECRET = ("client_secret_digest", "client_secret_ciphertext", "client_secret_expires_at")
_NEW_CLIENT_COLUMNS = (
    "registration_access_token_expires_at",
    "previous_registration_access_token_digest",
    "previous_registration_access_token_expires_at",
    "client_secrets",
    "bounds",
    "access_token_lifetime",
    "access_token_format",
    "suspended_at",
    "tokens_ended_at",
)


def upgrade() -> None:
    for name in (
        "registration_access_token_expires_at",
        "previous_registration_access_token_expires_at",
        "suspended_at",
        "tokens_ended_at",
    ):
        op.add_column("clients", _never(name))
    op.add_column(
        "clients",
        sa.Column("previous_registration_access_token_digest", sa.String(64), nullable=True),
    )
    op.add_column("clients", sa.Column("client_secrets", _DOCUMENT, nullable=True))
    op.add_column("clients", sa.Column("bounds", _DOCUMENT, nullable=True))
    op.add_column("clients", sa.Column("access_token_lifetime", sa.Integer(), nullable=True))
    op.add_column("clients", sa.Column("access_token_format", sa.String(16), nullable=True))
    # MariaDB commits each step: one that was killed here did the first part already.
    there = {each["name"] for each in sa.inspect(op.get_bind()).get_columns("clients")}
    if there.issuperset(_OLD_SECRET):
        _move_secrets()
    for name in _OLD_SECRET:
        op.drop_column("clients", name)

    tokens = "initial_access_tokens"
    op.add_column(tokens, sa.Column("issuer", sa.String(128), nullable=False, server_default=""))
    op.add_column(tokens, sa.Column("label", sa.String(200), nullable=False, server_default=""))
    op.add_column(tokens, sa.Column("bounds", _DOCUMENT, nullable=True))
    op.add_column(tokens, _never("revoked_at"))

    op.create_table(
        "initial_access_token_uses",
        _name("tenant"),
        _name("token_id"),
        _name("client_id"),
        _moment("used_at"),
        sa.Column("address", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint(
            "tenant", "token_id", "client_id", name=op.f("pk_initial_access_token_uses")
        ),
        **_MARIADB,
    )
    op.create_table(
        "admin_tokens",
        _name("tenant"),
        _name("digest"),
        _name("id"),
        sa.Column("scopes", sa.String(512), nullable=False),
        sa.Column("audiences", _DOCUMENT, nullable=True),
        sa.Column("issuer", sa.String(128), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        _moment("expires_at"),
        _moment("issued_at"),
        sa.PrimaryKeyConstraint("tenant", "digest", name=op.f("pk_admin_tokens")),
        **_MARIADB,
    )
    op.create_index(op.f("ix_admin_tokens_tenant_id"), "admin_tokens", ["tenant", "id"])
    op.create_table(
        "access_tokens",
        _name("tenant"),
        _name("digest"),
        sa.Column("claims", _DOCUMENT, nullable=False),
        _moment("expires_at"),
        sa.PrimaryKeyConstraint("tenant", "digest", name=op.f("pk_access_tokens")),
        **_MARIADB,
    )
    op.create_index(op.f("ix_access_tokens_expires_at"), "access_tokens", ["expires_at"])
    op.create_table(
        "spent_identifiers",
        _name("tenant"),
        _name("digest"),
        _moment("expires_at"),
        sa.PrimaryKeyConstraint("tenant", "digest", name=op.f("pk_spent_identifiers")),
        **_MARIADB,
    )
    op.create_index(op.f("ix_spent_identifiers_expires_at"), "spent_identifiers", ["expires_at"])
    op.create_table(
        "last_uses",
        _name("tenant"),
        _name("client_id"),
        _name("secret_id"),
        _moment("used_at"),
        sa.PrimaryKeyConstraint("tenant", "client_id", "secret_id", name=op.f("pk_last_uses")),
        **_MARIADB,
    )


def downgrade() -> None:
    """Takes secrets back to the one column each; a second live secret and all bounds are lost."""
    for name in (
        "last_uses",
        "spent_identifiers",
        "access_tokens",
        "admin_tokens",
        "initial_access_token_uses",
    ):
        op.drop_table(name)
    for name in ("revoked_at", "bounds", "label", "issuer"):
        op.drop_column("initial_access_tokens", name)
    op.add_column("clients", sa.Column("client_secret_digest", sa.String(255), nullable=True))
    op.add_column("clients", sa.Column("client_secret_ciphertext", sa.String(255), nullable=True))
    op.add_column("clients", _never("client_secret_expires_at"))
    _move_secrets_back()
    for name in reversed(_NEW_CLIENT_COLUMNS):
        op.drop_column("clients", name)


def _move_secrets() -> None:
    """In the database, in one statement: what is stored of a secret needs no escaping in JSON."""
    clients = sa.table(
        "clients",
        *(sa.column(name, sa.Text) for name in ("client_secrets", *_OLD_SECRET[:2])),
        sa.column("client_secret_expires_at", sa.BigInteger),
        sa.column("issued_at", sa.BigInteger),
    )
    ciphertext = sa.case(
        (clients.c.client_secret_ciphertext.is_(None), sa.literal("null")),
        else_=sa.literal('"') + clients.c.client_secret_ciphertext + sa.literal('"'),
    )
    made = (
        sa.literal('[{"id":"1","digest":"')
        + clients.c.client_secret_digest
        + sa.literal('","ciphertext":')
        + ciphertext
        + sa.literal(',"issued_at":')
        + sa.cast(clients.c.issued_at, sa.String)
        + sa.literal(',"expires_at":')
        + sa.cast(clients.c.client_secret_expires_at, sa.String)
        + sa.literal("}]")
    )
    op.execute(
        sa.update(clients)
        .where(clients.c.client_secret_digest.is_not(None))
        .values(client_secrets=made)
    )


def _move_secrets_back() -> None:
    """The newest secret of each client; row by row, as only Python reads JSON everywhere."""
    import json  # noqa: PLC0415 - only the way back needs it

    clients = sa.table(
        "clients",
        *(
            sa.column(name, sa.Text)
            for name in ("tenant", "client_id", "client_secrets", *_OLD_SECRET[:2])
        ),
        sa.column("client_secret_expires_at", sa.BigInteger),
    )
    connection = op.get_bind()
    rows = connection.execute(
        sa.select(clients.c.tenant, clients.c.client_id, clients.c.client_secrets).where(
            clients.c.client_secrets.is_not(None)
        )
    ).all()
    for tenant, client_id, text in rows:
        for newest in json.loads(text)[:1]:
            connection.execute(
                sa.update(clients)
                .where(clients.c.tenant == tenant, clients.c.client_id == client_id)
                .values(
                    client_secret_digest=newest["digest"],
                    client_secret_ciphertext=newest["ciphertext"],
                    client_secret_expires_at=newest["expires_at"],
                )
            )


def _name(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(64), nullable=False)


def _moment(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _never(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
