"""who did what to what, by kind and id; admin tokens that stay when they are revoked

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_NEW_INDEX = "ix_events_tenant_subject_kind_subject_id_id"
_OLD_INDEX = "ix_events_tenant_client_id_id"
_NEW = {
    "actor_kind": sa.Column("actor_kind", sa.String(64), nullable=False, server_default=""),
    "actor_id": sa.Column("actor_id", sa.String(512), nullable=True),
    "subject_kind": sa.Column("subject_kind", sa.String(64), nullable=False, server_default=""),
    "subject_id": sa.Column("subject_id", sa.String(512), nullable=False, server_default=""),
}
_OLD = ("actor", "client_id")
# How the actor's text began -> the kind.
_ACTORS = {
    "initial-token:": "initial_access_token",
    "admin-token:": "administrator",
    "operator:": "operator",
}
# Kind of the subject -> the member of ``changes`` that has its id. The type begins with the kind.
_SUBJECTS = {"initial_access_token": "id", "admin_token": "id", "signing_key": "kid"}

_EVENTS = sa.table(
    "events", *(sa.column(name, sa.Text) for name in ("type", "changes", *_OLD, *_NEW))
)
_ADMIN_TOKENS = sa.table(
    "admin_tokens",
    *(sa.column(name, sa.Text) for name in ("tenant", "scopes", "owner")),
    sa.column("revoked_at", sa.BigInteger),
)


def upgrade() -> None:
    for column in _NEW.values():
        op.add_column("events", column)
    # MariaDB commits each step: one that was killed here did the first part already.
    there = {each["name"] for each in sa.inspect(op.get_bind()).get_columns("events")}
    if there.issuperset(_OLD):
        _tell_kinds()
    op.create_index(
        op.f(_NEW_INDEX), "events", ["tenant", "subject_kind", "subject_id", "id"], unique=False
    )
    op.drop_index(op.f(_OLD_INDEX), "events")
    for name in _OLD:
        op.drop_column("events", name)

    op.add_column(
        "admin_tokens",
        sa.Column("revoked_at", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.add_column("admin_tokens", sa.Column("owner", sa.String(255), nullable=True))
    _rename_scope("clients:register", "clients:create")


def downgrade() -> None:
    """Tokens that were revoked, or bound in a way that was not known before, are gone."""
    tokens = _ADMIN_TOKENS.c
    op.execute(
        sa.delete(_ADMIN_TOKENS).where(
            sa.or_(tokens.revoked_at != 0, tokens.owner.is_not(None), tokens.tenant == "*")
        )
    )
    _rename_scope("clients:create", "clients:register")
    op.drop_column("admin_tokens", "owner")
    op.drop_column("admin_tokens", "revoked_at")

    op.add_column("events", sa.Column("actor", sa.String(128), nullable=False, server_default=""))
    op.add_column("events", sa.Column("client_id", sa.String(512), nullable=True))
    _tell_texts()
    op.create_index(op.f(_OLD_INDEX), "events", ["tenant", "client_id", "id"], unique=False)
    op.drop_index(op.f(_NEW_INDEX), "events")
    for name in _NEW:
        op.drop_column("events", name)


def _tell_kinds() -> None:
    """In one statement, however many there are."""
    events = _EVENTS.c
    ids = [
        (events.actor.startswith(prefix), sa.func.substr(events.actor, len(prefix) + 1))
        for prefix in _ACTORS
    ]
    kinds = [(events.actor.startswith(prefix), kind) for prefix, kind in _ACTORS.items()]
    subjects = {kind: events.type.startswith(f"{kind}.") for kind in _SUBJECTS}
    op.execute(
        sa.update(_EVENTS)
        .where(events.actor_kind == "")
        .values(
            actor_kind=sa.case(
                *kinds,
                (events.actor.in_(["anonymous", "client", "operator"]), events.actor),
                (events.actor == "server", "system"),
                else_="unknown",
            ),
            actor_id=sa.case(
                *ids,
                (events.actor == "client", events.client_id),
                (events.actor.in_(["anonymous", "operator", "server"]), sa.null()),
                else_=events.actor,
            ),
            subject_kind=sa.case(
                (events.client_id.is_not(None), "client"),
                *((condition, kind) for kind, condition in subjects.items()),
                else_="unknown",
            ),
            subject_id=sa.func.coalesce(
                events.client_id,
                sa.case(
                    *((condition, _member(_SUBJECTS[kind])) for kind, condition in subjects.items())
                ),
                "",
            ),
        )
    )


def _member(name: str) -> sa.ColumnElement[Any]:
    """A text of the JSON in ``changes``: each database has its own word for it."""
    dialect, changes = op.get_bind().dialect.name, _EVENTS.c.changes
    if dialect == "postgresql":
        return sa.cast(changes, postgresql.JSON)[name].astext
    function = sa.func.json_extract if dialect == "sqlite" else sa.func.json_value
    return function(changes, f"$.{name}")


def _tell_texts() -> None:
    events = _EVENTS.c
    before = {kind: prefix for prefix, kind in _ACTORS.items()}
    before["authorization_server"] = before["administrator"]
    made = sa.case(
        (events.actor_kind == "unknown", events.actor_id),
        (events.actor_kind == "system", "server"),
        *(
            (
                sa.and_(events.actor_kind == kind, events.actor_id.is_not(None)),
                sa.literal(prefix) + events.actor_id,
            )
            for kind, prefix in before.items()
        ),
        else_=events.actor_kind,
    )
    op.execute(
        sa.update(_EVENTS).values(
            actor=sa.func.substr(made, 1, 128),
            client_id=sa.case((events.subject_kind == "client", events.subject_id)),
        )
    )


def _rename_scope(before: str, after: str) -> None:
    scopes = _ADMIN_TOKENS.c.scopes
    op.execute(
        sa.update(_ADMIN_TOKENS)
        .where(scopes.contains(before))
        .values(scopes=sa.func.replace(scopes, before, after))
    )
