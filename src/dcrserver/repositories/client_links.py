"""Links: a client at one target, how far the target is with it, and who works on that.

Moments are milliseconds since 1970. Those that decide who works on a link are of the clock of the
database: those of instances differ.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.sql import ClauseElement

from dcrserver.db.protocol.session import Session
from dcrserver.db.tables import client_links as links
from dcrserver.names import LinkState
from dcrserver.repositories import link_statements as statements
from dcrserver.repositories.rows import row_of

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


class ClientLinkRepository:
    """Reads links, and moves them on."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._statements = statements.of_database(session.dialect)

    async def find(self, tenant: str, client_id: str, connector: str) -> ClientLinkRecord | None:
        """The client's link to one target; None: it has none."""
        key = {"b_tenant": tenant, "b_client_id": client_id, "b_connector": connector}
        row = (await self._session.execute(statements.FIND, key)).one_or_none()
        return None if row is None else ClientLinkRecord(**row)

    async def of_client(self, tenant: str, client_id: str) -> Sequence[ClientLinkRecord]:
        """The client's links, by the connector's name."""
        key = {"b_tenant": tenant, "b_client_id": client_id}
        rows = (await self._session.execute(statements.OF_CLIENT, key)).all()
        return [ClientLinkRecord(**row) for row in rows]

    async def of_clients(
        self, tenant: str, client_ids: Sequence[str]
    ) -> Sequence[ClientLinkRecord]:
        """The links of all of them, by the connector's name."""
        if not client_ids:
            return []
        values = {"b_tenant": tenant, "b_client_ids": list(client_ids)}
        rows = (await self._session.execute(statements.OF_CLIENTS, values)).all()
        return [ClientLinkRecord(**row) for row in rows]

    async def waiting(self, connector: str, after: Sequence[str]) -> Sequence[ClientLinkRecord]:
        """Some of those that are not as they should be, behind the tenant and client_id ``after``,
        in that order.
        """
        values = {"b_connector": connector, "b_tenant": after[0], "b_client_id": after[1]}
        rows = (await self._session.execute(statements.WAITING, values)).all()
        return [ClientLinkRecord(**row) for row in rows]

    def begin(
        self, tenant: str, client_id: str, connector: str, remote_id: str | None = None
    ) -> None:
        """A link of a client that has none, due at once; raised where somebody else was faster.

        ``remote_id``: of one there that is to be a client here; it is due when that is written.
        """
        now = time.time_ns() // 1_000_000
        state = LinkState.PENDING if remote_id is None else LinkState.RESERVED
        link = ClientLinkRecord(
            tenant, client_id, connector, wanted=1, state=state.word, updated_at=now,
            raised_at=now, due_at=now if remote_id is None else 0, remote_id=remote_id,
        )  # fmt: skip
        self._session.insert(statements.insertion(self._session.dialect), link._asdict())

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
        await self._session.execute(statements.FORGET, _key(link))
        return found

    async def reserve(self, link: ClientLinkRecord, ms: int) -> None:
        """Writes a new link that is its claim's for ``ms``.

        Raises:
            AlreadyThere: there is one.
        """
        free = link._replace(claim="", due_at=1)
        await self._session.execute(statements.INSERT, free._asdict())
        await self.claim(free, link.claim, ms)

    async def add(self, link: ClientLinkRecord) -> None:
        """Writes a link that is new.

        Raises:
            AlreadyThere: there is one.
        """
        await self._session.execute(statements.INSERT, link._asdict())

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

    async def end(self, tenant: str) -> int:
        """Some clients of a tenant that is no more are to be removed at their targets; how many."""
        rows = (await self._session.execute(statements.OF_TENANT, {"b_tenant": tenant})).all()
        for link in sorted(ClientLinkRecord(**row) for row in rows):
            await self._session.execute(self._statements.end, _key(link))
        return len(rows)

    async def sealed(self, after: ClientLinkRecord | None) -> Sequence[ClientLinkRecord]:
        """Some links with something encrypted, ``after`` this one in their order."""
        place = _key(after) if after else dict.fromkeys(_key_names(), "")
        rows = (await self._session.execute(statements.SEALED, place)).all()
        return [ClientLinkRecord(**row) for row in rows]

    async def renew(self, link: ClientLinkRecord, sealed: str | None, kept: str | None) -> bool:
        """Writes the same, encrypted anew; False: it is another by now, or somebody works on it."""
        values = {"b_was": link.sealed_secret or "", "b_sealed_secret": sealed, "b_kept": kept}
        return await self._changed(statements.RENEW, _key(link) | values)

    async def counts(self, connector: str, tenant: str | None = None) -> Sequence[LinkCount]:
        """Of the connector's links, those that are not as they should be; of ``tenant``, or all."""
        values = {"b_connector": connector}
        statement = statements.COUNTED
        if tenant is not None:
            statement, values = statements.COUNTED_OF_TENANT, values | {"b_tenant": tenant}
        rows = (await self._session.execute(statement, values)).all()
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


def _key_names() -> Sequence[str]:
    return "b_tenant", "b_client_id", "b_connector"


def _key(link: ClientLinkRecord) -> dict[str, Any]:
    return {
        "b_tenant": link.tenant,
        "b_client_id": link.client_id,
        "b_connector": link.connector,
    }
