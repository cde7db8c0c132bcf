"""The statements of ``client_links``; see there."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql import ClauseElement

from dcrserver.db.dialects import insert_of, or_changed
from dcrserver.db.tables import client_links as links
from dcrserver.names import LinkState
from dcrserver.repositories.expiry import AT_ONCE

_NOBODY: ColumnElement[str] = literal_column("''")
_ZERO: ColumnElement[int] = literal_column("0")
_ONE: ColumnElement[int] = literal_column("1")
_CLOCKS = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
    "mysql": "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
}

_KEY = and_(
    links.c.tenant == bindparam("b_tenant"),
    links.c.client_id == bindparam("b_client_id"),
    links.c.connector == bindparam("b_connector"),
)
_MINE = and_(_KEY, links.c.claim == bindparam("b_claim"))
FIND = select(links).where(_KEY)
OF_CLIENT = (
    select(links)
    .where(links.c.tenant == bindparam("b_tenant"), links.c.client_id == bindparam("b_client_id"))
    .order_by(links.c.connector)
)
OF_CLIENTS = (
    select(links)
    .where(
        links.c.tenant == bindparam("b_tenant"),
        links.c.client_id.in_(bindparam("b_client_ids", expanding=True)),
    )
    .order_by(links.c.connector)
)
# Some of those that are not as they should be, behind a place.
WAITING = (
    select(links)
    .where(
        links.c.connector == bindparam("b_connector"),
        links.c.state.in_([LinkState.PENDING.word, LinkState.FAILED.word, LinkState.GONE.word]),
        or_(
            links.c.tenant > bindparam("b_tenant"),
            and_(
                links.c.tenant == bindparam("b_tenant"),
                links.c.client_id > bindparam("b_client_id"),
            ),
        ),
    )
    .order_by(links.c.tenant, links.c.client_id)
    .limit(AT_ONCE)
)
INSERT = insert(links)


@cache
def insertion(dialect: str) -> Insert:
    """Of a link, or what raises the one that is there."""
    return or_changed(dialect, insert_of(dialect, links))


FORGET = update(links).where(_KEY).values(fingerprint=null())
_COUNTS = select(
    links.c.connector,
    links.c.state,
    func.count().label("links"),
    func.min(links.c.raised_at).label("oldest"),
).group_by(links.c.connector, links.c.state)
COUNTED = _COUNTS.where(links.c.connector == bindparam("b_connector")).where(
    or_(*(links.c.state == state.word for state in LinkState if state is not LinkState.APPLIED))
)
COUNTED_OF_TENANT = COUNTED.where(links.c.tenant == bindparam("b_tenant"))
_PLACE = tuple_(links.c.tenant, links.c.client_id, links.c.connector)
SEALED = (
    select(links)
    .where(
        # Said twice, so that every planner finds its index: queries.keyset.
        links.c.tenant >= bindparam("b_tenant"),
        tuple_(bindparam("b_tenant"), bindparam("b_client_id"), bindparam("b_connector")) < _PLACE,
        or_(links.c.sealed_secret.is_not(None), links.c.kept.is_not(None)),
    )
    .order_by(links.c.tenant, links.c.client_id, links.c.connector)
    .limit(AT_ONCE)
)
# While somebody works on it, or a newer secret came, it is left alone: it is encrypted anew soon.
RENEW = (
    update(links)
    .where(_KEY, links.c.claim == _NOBODY)
    .where(func.coalesce(links.c.sealed_secret, _NOBODY) == bindparam("b_was"))
    .values(sealed_secret=bindparam("b_sealed_secret"), kept=bindparam("b_kept"))
)
OF_TENANT = (
    select(links)
    .where(links.c.tenant == bindparam("b_tenant"), links.c.state != LinkState.GONE.word)
    .limit(AT_ONCE)
)
_HAS_MOVED = links.c.wanted != bindparam("b_wanted")


class Statements(NamedTuple):
    """For one database; ``b_ms``: from now."""

    end: ClauseElement

    due: ClauseElement
    claim: ClauseElement
    done: ClauseElement
    failed: ClauseElement
    release: ClauseElement
    remove: ClauseElement
    hurry: ClauseElement


@cache
def of_database(dialect: str) -> Statements:
    """Those in the words of the database that SQLAlchemy calls ``dialect``."""
    now: ColumnElement[int] = literal_column(_CLOCKS[dialect], BigInteger)
    later = now + bindparam("b_ms", type_=BigInteger)
    is_due = and_(links.c.due_at > _ZERO, links.c.due_at <= now)
    is_free = or_(links.c.claim == _NOBODY, links.c.due_at <= now)
    return Statements(
        end=_end(now),
        due=select(links)
        .where(links.c.connector == bindparam("b_connector"), is_due)
        .order_by(links.c.due_at)
        .limit(bindparam("b_limit", type_=BigInteger)),
        claim=update(links)
        .where(_KEY, links.c.due_at == bindparam("b_due_at"), is_free)
        .values(claim=bindparam("b_claim"), due_at=later),
        done=_done(now, later),
        failed=_failed(now, later),
        release=update(links)
        .where(_MINE)
        .values(claim=_NOBODY, due_at=later, fingerprint=None, updated_at=now),
        remove=delete(links).where(_MINE, links.c.wanted == bindparam("b_wanted")),
        hurry=_hurry(now),
    )


# All in this order: MariaDB reads what it has just set.


def _next(now: ColumnElement[int], later: ColumnElement[int]) -> ColumnElement[int]:
    """When it is due: at once where more is wanted by now, else as is said, 0 for never."""
    is_never = bindparam("b_ms", type_=BigInteger) == _ZERO
    return case((_HAS_MOVED, now), (is_never, _ZERO), else_=later)


def _done(now: ColumnElement[int], later: ColumnElement[int]) -> ClauseElement:
    is_delivered = links.c.sealed_secret == bindparam("b_sealed_secret")
    return (
        update(links)
        .where(_MINE)
        .ordered_values(
            (links.c.state, case((_HAS_MOVED, links.c.state), else_=LinkState.APPLIED.word)),
            (links.c.due_at, _next(now, later)),
            (links.c.applied, bindparam("b_wanted")),
            (links.c.sealed_secret, case((is_delivered, None), else_=links.c.sealed_secret)),
            (links.c.attempts, _ZERO),
            (links.c.claim, _NOBODY),
            (links.c.remote_id, bindparam("b_remote_id")),
            (links.c.fingerprint, bindparam("b_fingerprint")),
            (links.c.kept, bindparam("b_kept")),
            (links.c.last_error, bindparam("b_last_error")),
            (links.c.updated_at, now),
        )
    )


def _failed(now: ColumnElement[int], later: ColumnElement[int]) -> ClauseElement:
    return (
        update(links)
        .where(_MINE)
        .ordered_values(
            (links.c.state, case((_HAS_MOVED, links.c.state), else_=bindparam("b_state"))),
            (links.c.due_at, _next(now, later)),
            (links.c.attempts, links.c.attempts + _ONE),
            (links.c.claim, _NOBODY),
            (links.c.remote_id, bindparam("b_remote_id")),
            (links.c.kept, bindparam("b_kept")),
            # What the target has by now is not known.
            (links.c.fingerprint, None),
            (links.c.last_error, bindparam("b_last_error")),
            (links.c.updated_at, now),
        )
    )


def _end(now: ColumnElement[int]) -> ClauseElement:
    is_free = links.c.claim == _NOBODY
    return (
        update(links)
        .where(_KEY)
        .ordered_values(
            (links.c.state, LinkState.GONE.word),
            (links.c.due_at, case((is_free, now), else_=links.c.due_at)),
            (links.c.raised_at, now),
            (links.c.wanted, links.c.wanted + _ONE),
            (links.c.attempts, _ZERO),
            (links.c.updated_at, now),
        )
    )


def _hurry(now: ColumnElement[int]) -> ClauseElement:
    is_gone = links.c.state == LinkState.GONE.word
    return (
        update(links)
        .where(_KEY, links.c.claim == _NOBODY)
        .ordered_values(
            (links.c.state, case((is_gone, links.c.state), else_=LinkState.PENDING.word)),
            (
                links.c.raised_at,
                case((links.c.applied == links.c.wanted, now), else_=links.c.raised_at),
            ),
            (links.c.due_at, now),
            (links.c.wanted, links.c.wanted + _ONE),
            (links.c.attempts, _ZERO),
            (links.c.fingerprint, None),
            (links.c.updated_at, now),
        )
    )
