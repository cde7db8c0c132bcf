"""What authorization servers were told of clients, and what they are still to be told."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    and_,
    case,
    func,
    literal_column,
    or_,
)

from dcrserver.db.tables.columns import (
    Changes,
    ClientId,
    Digest,
    Document,
    Name,
    metadata,
    of_few,
    timestamp,
)

_Columns: TypeAlias = Any  # of the row that is there, or of the one that would be new
_NOTHING: ColumnElement[int] = literal_column("0")
_NOBODY: ColumnElement[str] = literal_column("''")


def _raised(old: _Columns, new: _Columns) -> Changes:
    """More is wanted of a link: whoever works on it goes on, and finds out when it ends.

    In this order: MariaDB reads what it has just set.
    """
    is_idle = old.due_at == _NOTHING
    # Nobody works on it, it did not fail, and it is to be looked at again some time.
    is_later = and_(old.claim == _NOBODY, old.attempts == _NOTHING, old.due_at > new.due_at)
    changes = {
        "raised_at": case((old.applied == old.wanted, new.raised_at), else_=old.raised_at),
        "wanted": old.wanted + literal_column("1"),
        "state": new.state,
        "attempts": case((is_idle, _NOTHING), else_=old.attempts),
        "due_at": case((or_(is_idle, is_later), new.due_at), else_=old.due_at),
        "sealed_secret": func.coalesce(new.sealed_secret, old.sealed_secret),
        "updated_at": new.updated_at,
    }
    return changes, None


# A client at one target: what is wanted there is the client's row, whatever that is by now.
client_links = Table(
    "client_links",
    metadata,
    Column("tenant", Name, nullable=False),
    Column("client_id", ClientId, nullable=False),
    # Its name in the configuration.
    Column("connector", Name, nullable=False),
    # How often the client changed, and up to which of these the target has it.
    Column("wanted", Integer, nullable=False),
    Column("applied", Integer, nullable=False, server_default="0"),
    # Since when both differ, in milliseconds.
    timestamp("raised_at"),
    # names.LinkState.
    Column("state", String(16), nullable=False),
    # How often it failed since it was last raised or done.
    Column("attempts", Integer, nullable=False, server_default="0"),
    # When it is next worked on, in milliseconds; 0: there is nothing to do. While somebody works
    # on it, the end of the claim.
    timestamp("due_at"),
    # Who works on it; empty: nobody.
    Column("claim", Name, nullable=False, server_default=""),
    # The target's own identifier of the client; None: not known (yet).
    Column("remote_id", String(512)),
    # Of what the target has; None: not known.
    Column("fingerprint", Digest),
    # Encrypted: what else the connector must remember.
    Column("kept", Document),
    # Encrypted: the client's newest secret, until the target has it.
    Column("sealed_secret", Document),
    # Why it failed the last time, or what is amiss all the same; a line for operators.
    Column("last_error", String(512)),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "client_id", "connector"),
    of_few("due_at", "connector", "due_at"),
    Index(None, "connector", "state", "raised_at"),
    info={"there": _raised},
)

# What came of comparing a target with what is here: the last time, a row a connector.
connector_reports = Table(
    "connector_reports",
    metadata,
    # Empty: a connector is of the server.
    Column("tenant", Name, nullable=False),
    Column("connector", Name, nullable=False),
    Column("written_at", BigInteger, nullable=False),
    # JSON.
    Column("report", Document, nullable=False),
    PrimaryKeyConstraint("tenant", "connector"),
)
