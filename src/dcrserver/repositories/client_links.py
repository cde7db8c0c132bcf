"""Links: a client at one target, how far the target is with it, and who works on that.

Moments are milliseconds since 1970. Those that decide who works on a link are of the clock of the
database: those of instances differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
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
    update,
)
from sqlalchemy.sql import ClauseElement

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import client_links as links
from dcrserver.names import LinkState
from dcrserver.repositories.rows import row_of

_NOBODY: ColumnElement[str] = literal_column("''")
_ZERO: ColumnElement[int] = literal_column("0")
_ONE: ColumnElement[int] = literal_column("1")
_CLOCKS = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
    "mysql": "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
}
_MAX_ERROR = 500


@row_of(links)
class ClientLinkRecord(NamedTuple):
    """A row of ``client_links``; ``kept`` and ``sealed_secret`` are encrypted."""

    tenant: str
    client_id: str
    connector: str
    wanted: int
    state: str
    updated_at: int
    applied: int = 0
    raised_at: int = 0
    attempts: int = 0
    due_at: int = 0
    claim: str = ""
    remote_id: str | None = None
    fingerprint: str | None = None
    kept: str | None = None
    sealed_secret: str | None = None
    last_error: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.tenant, self.client_id, self.connector


class LinkCount(NamedTuple):
    """How many links of a connector are in a state; ``oldest``: since when the first differs."""

    connector: str
    state: str
    links: int
    oldest: int


_KEY = and_(
    links.c.tenant == bindparam("b_tenant"),
    links.c.client_id == bindparam("b_client_id"),
    links.c.connector == bindparam("b_connector"),
)
_MINE = and_(_KEY, links.c.claim == bindparam("b_claim"))
_FIND = select(links).where(_KEY)
_OF_CLIENT = (
    select(links)
    .where(links.c.tenant == bindparam("b_tenant"), links.c.client_id == bindparam("b_client_id"))
    .order_by(links.c.connector)
)
_INSERT = insert(links)
_FORGET = update(links).where(_KEY).values(fingerprint=null())
_COUNTS = select(
    links.c.connector,
    links.c.state,
    func.count().label("links"),
    func.min(links.c.raised_at).label("oldest"),
).group_by(links.c.connector, links.c.state)
_COUNTED = _COUNTS.where(links.c.connector == bindparam("b_connector")).where(
    or_(*(links.c.state == state.word for state in LinkState if state is not LinkState.APPLIED))
)
_HAS_MOVED = links.c.wanted != bindparam("b_wanted")


class _Statements(NamedTuple):
    """For one database; ``b_ms``: from now."""

    due: ClauseElement
    claim: ClauseElement
    done: ClauseElement
    failed: ClauseElement
    release: ClauseElement
    remove: ClauseElement
    hurry: ClauseElement


@cache
def _statements(dialect: str) -> _Statements:
    now: ColumnElement[int] = literal_column(_CLOCKS[dialect], BigInteger)
    later = now + bindparam("b_ms", type_=BigInteger)
    is_due = and_(links.c.due_at > _ZERO, links.c.due_at <= now)
    is_free = or_(links.c.claim == _NOBODY, links.c.due_at <= now)
    return _Statements(
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


class ClientLinkRepository:
    """Reads links, and moves them on."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._statements = _statements(session.dialect)

    async def find(self, tenant: str, client_id: str, connector: str) -> ClientLinkRecord | None:
        """The client's link to one target; None: it has none."""
        key = {"b_tenant": tenant, "b_client_id": client_id, "b_connector": connector}
        row = (await self._session.execute(_FIND, key)).one_or_none()
        return None if row is None else ClientLinkRecord(**row)

    async def of_client(self, tenant: str, client_id: str) -> Sequence[ClientLinkRecord]:
        """The client's links, by the connector's name."""
        key = {"b_tenant": tenant, "b_client_id": client_id}
        rows = (await self._session.execute(_OF_CLIENT, key)).all()
        return [ClientLinkRecord(**row) for row in rows]

    async def due(self, connector: str, limit: int) -> Sequence[ClientLinkRecord]:
        """Those that anybody may work on, the longest waiting first."""
        values = {"b_connector": connector, "b_limit": limit}
        rows = (await self._session.execute(self._statements.due, values)).all()
        return [ClientLinkRecord(**row) for row in rows]

    async def claim(self, link: ClientLinkRecord, claim: str, ms: int) -> ClientLinkRecord | None:
        """The link as it is now, which is the claim's for ``ms``; None: somebody else was faster,
        or works on it.
        """
        values = _key(link) | {"b_due_at": link.due_at, "b_claim": claim, "b_ms": ms}
        if (await self._session.execute(self._statements.claim, values)).rowcount != 1:
            return None
        found = await self.find(*link.key)
        # Whoever is killed has perhaps sent something: nobody believes the fingerprint after it.
        await self._session.execute(_FORGET, _key(link))
        return found

    async def reserve(self, link: ClientLinkRecord, ms: int) -> None:
        """Writes a new link that is its claim's for ``ms``.

        Raises:
            AlreadyThere: there is one.
        """
        free = link._replace(claim="", due_at=1)
        await self._session.execute(_INSERT, free._asdict())
        await self.claim(free, link.claim, ms)

    async def add(self, link: ClientLinkRecord) -> None:
        """Writes a link that is new.

        Raises:
            AlreadyThere: there is one.
        """
        await self._session.execute(_INSERT, link._asdict())

    async def done(self, link: ClientLinkRecord, due_in_ms: int = 0) -> bool:
        """The target has what was wanted when ``link`` was claimed; its sealed secret, too.

        What was raised meanwhile is due at once; else it is looked at again in ``due_in_ms``,
        0: when it is raised. False: the claim is no longer its.
        """
        return await self._moved(self._statements.done, link, {"b_ms": due_in_ms})

    async def failed(self, link: ClientLinkRecord, state: LinkState, ms: int) -> bool:
        """Tried again in ``ms``, 0: not before it is raised again. False as with ``done``."""
        return await self._moved(self._statements.failed, link, {"b_state": state.word, "b_ms": ms})

    async def release(self, link: ClientLinkRecord, ms: int = 0) -> bool:
        """Anybody may work on it in ``ms``; what the target has is not known. As ``done``."""
        values = _key(link) | {"b_claim": link.claim, "b_ms": ms}
        return await self._changed(self._statements.release, values)

    async def remove(self, link: ClientLinkRecord) -> bool:
        """The target has nothing of the client. False: the claim is no longer its, or the client
        came back.
        """
        values = _key(link) | {"b_claim": link.claim, "b_wanted": link.wanted}
        return await self._changed(self._statements.remove, values)

    async def hurry(self, link: ClientLinkRecord) -> bool:
        """It is due now, and sent whatever the target is known to have. False: somebody works on
        it just now, or it is gone.
        """
        return await self._changed(self._statements.hurry, _key(link))

    async def counts(self, connector: str) -> Sequence[LinkCount]:
        """Of the connector's links, those that are not as they should be."""
        rows = (await self._session.execute(_COUNTED, {"b_connector": connector})).all()
        return [LinkCount(**row) for row in rows]

    async def _moved(
        self, statement: ClauseElement, link: ClientLinkRecord, more: dict[str, Any]
    ) -> bool:
        values = _key(link) | {
            "b_claim": link.claim,
            "b_wanted": link.wanted,
            "b_remote_id": link.remote_id,
            "b_fingerprint": link.fingerprint,
            "b_kept": link.kept,
            "b_sealed_secret": link.sealed_secret,
            "b_last_error": link.last_error and link.last_error[:_MAX_ERROR],
        }
        return await self._changed(statement, values | more)

    async def _changed(self, statement: ClauseElement, values: Mapping[str, Any]) -> bool:
        return (await self._session.execute(statement, values)).rowcount == 1


def _key(link: ClientLinkRecord) -> dict[str, Any]:
    return {
        "b_tenant": link.tenant,
        "b_client_id": link.client_id,
        "b_connector": link.connector,
    }
