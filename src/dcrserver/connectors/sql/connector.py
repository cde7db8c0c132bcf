"""What is done to the table: rows that have our mark, and no other, are changed and deleted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Select, delete, insert, inspect, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from dcrserver.connectors.client import (
    Applied,
    Carriage,
    Discovered,
    Held,
    NewSecret,
    Objection,
    RemoteClient,
    Verdict,
    WantedClient,
)
from dcrserver.connectors.comparing import differing, digest
from dcrserver.connectors.failures import TargetMissing, TargetTaken
from dcrserver.connectors.sql.reach import Reach
from dcrserver.connectors.sql.secret_forms import FORMS
from dcrserver.connectors.sql.table import carriage, compared, remote, row, table
from dcrserver.settings import ConnectorSettings

_PAGE = 500


class SqlConnector:
    """Keeps a table of clients as it is wanted."""

    kind: ClassVar[str] = "sql"
    mints: ClassVar[bool] = False
    overlaps: bool = True
    overlaps_by_own: ClassVar[bool] = False
    lists: ClassVar[bool] = True

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        self._name = name
        self._mark = settings.mark
        self._form_name = settings.secret_form
        self._form = FORMS[settings.secret_form]
        self._table = table(settings.table)
        self._reach = Reach(name, settings, self._table)

    @property
    def name(self) -> str:
        return self._name

    def carriage(self) -> Mapping[str, Carriage]:
        return carriage()

    def judge(self, client: WantedClient) -> Verdict:
        """Whoever verifies by the secret itself must be able to read it."""
        method = "token_endpoint_auth_method"
        if client.metadata.get(method) == "client_secret_jwt" and self._form_name != "plain":
            words = f"{method} client_secret_jwt needs secrets that can be read"
            return Verdict((Objection(method, words),))
        return Verdict()

    def fingerprint(self, client: WantedClient) -> str:
        """An overlap of secrets that has ended is something to be written."""
        return digest([row(client, self._mark), bool(client.previous_until)])

    def differences(self, client: WantedClient, remote: RemoteClient) -> tuple[str, ...]:
        """By columns; what is said of secrets and times is not compared."""
        wanted = row(client, self._mark)
        return differing(compared(wanted), wanted, remote.document)

    async def close(self) -> None:
        await self._reach.close()

    async def discover(self, tenants: Sequence[str]) -> Discovered:
        """Makes the table where it is not there, and looks for its columns where it is."""

        def columns(connection: Any) -> set[str]:  # noqa: ANN401 - synchronous, within
            return {each["name"] for each in inspect(connection).get_columns(self._table.name)}

        there = await self._reach.work(lambda connection: connection.run_sync(columns))
        missing = sorted(set(self._table.columns.keys()) - there)
        problems = (f"the table lacks columns: {', '.join(missing)}",) if missing else ()
        return Discovered(f"{self._reach.server}, table {self._table.name}", problems)

    async def create(self, client: WantedClient, secret: NewSecret | None) -> Applied:
        """A secret that is known as a digest only leaves its column empty: nobody gets in by it."""
        values = row(client, self._mark) | await self._first(secret)
        statement = insert(self._table).values(values | {"updated_at": int(time.time())})

        async def added(connection: AsyncConnection) -> bool:
            if (await connection.execute(self._one(client.tenant, client.client_id))).first():
                return False
            await connection.execute(statement)
            return True

        if not await self._reach.work(added):
            return await self.update(client, Held(client.client_id), secret)
        return Applied(Held(client.client_id))

    async def update(self, client: WantedClient, held: Held, secret: NewSecret | None) -> Applied:
        """One transaction: what the row says of secrets before decides what it says after."""

        async def changed(connection: AsyncConnection) -> None:
            query = self._one(client.tenant, client.client_id).with_for_update()
            found = (await connection.execute(query)).mappings().one_or_none()
            if found is None:
                raise TargetMissing(f"{self._name}: the client is not in the table")
            if found["managed_by"] != self._mark:
                raise TargetTaken(
                    f"{self._name}: another row has the identifier",
                    "client_id is another client's at the authorization server",
                )
            values = row(client, self._mark) | await self._next(client, secret, found)
            await connection.execute(
                update(self._table)
                .where(*self._key(client.tenant, client.client_id))
                .values(values | {"updated_at": int(time.time())})
            )

        await self._reach.work(changed)
        return Applied(Held(client.client_id))

    async def read(self, tenant: str, client_id: str, held: Held | None) -> RemoteClient | None:
        """The row of the tenant under the identifier, whoever wrote it."""

        async def found(connection: AsyncConnection) -> RemoteClient | None:
            result = await connection.execute(self._one(tenant, client_id))
            each = result.mappings().one_or_none()
            return None if each is None else remote(each)

        return await self._reach.work(found)

    async def delete(self, tenant: str, client_id: str, held: Held | None) -> None:
        """Deletes the row if it has our mark."""
        statement = delete(self._table).where(
            *self._key(tenant, client_id), self._table.c.managed_by == self._mark
        )

        async def gone(connection: AsyncConnection) -> None:
            await connection.execute(statement)

        await self._reach.work(gone)

    async def list_all(self, tenants: Sequence[str]) -> AsyncIterator[RemoteClient]:
        """Page by page, by key: what comes and goes meanwhile makes no double."""
        key = tuple_(self._table.c.client_id, self._table.c.tenant)
        query = select(self._table).order_by(self._table.c.client_id, self._table.c.tenant)
        while True:
            page = await self._page(query.limit(_PAGE))
            for each in page:
                yield each
            if len(page) < _PAGE:
                return
            query = query.where(key > (page[-1].client_id, page[-1].tenant))

    async def _page(self, query: Select[Any]) -> list[RemoteClient]:
        async def read(connection: AsyncConnection) -> list[RemoteClient]:
            return [remote(each) for each in (await connection.execute(query)).mappings()]

        return await self._reach.work(read)

    def _one(self, tenant: str, client_id: str) -> Select[Any]:
        return select(self._table).where(*self._key(tenant, client_id))

    def _key(self, tenant: str, client_id: str) -> tuple[ColumnElement[bool], ...]:
        return self._table.c.client_id == client_id, self._table.c.tenant == tenant

    async def _first(self, secret: NewSecret | None) -> dict[str, Any]:
        if secret is None:
            return {}
        made = await asyncio.to_thread(self._form.made, secret.value)
        return {"client_secret": made, "client_secret_expires_at": secret.expires_at}

    async def _next(
        self, client: WantedClient, secret: NewSecret | None, found: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What becomes of both secrets. One that is written again, as its answer was lost, must not
        become the one before itself.
        """
        ended: dict[str, Any] = {"previous_secret": None, "previous_secret_until": 0}
        if secret is None:
            return {} if client.previous_until else ended
        kept = found["client_secret"]
        if kept and await asyncio.to_thread(self._form.fits, secret.value, kept):
            return {"client_secret_expires_at": secret.expires_at}
        written = await self._first(secret)
        if not secret.previous_until:
            return written | ended
        return written | {"previous_secret": kept, "previous_secret_until": secret.previous_until}
