"""Clients in a database, without a server before it."""

from __future__ import annotations

import json
from typing import Any

from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.security import new_client_id


def record(**values: Any) -> ClientRecord:
    made = ClientRecord(
        tenant="test",
        client_id=new_client_id(),
        metadata="{}",
        registration_access_token_digest=new_client_id(),
        issued_at=1,
        updated_at=1,
        version=1,
    )
    return made._replace(**values)


async def add(database: Database, *records: ClientRecord) -> None:
    async def write(tx: Transaction) -> None:
        for each in records:
            if policy := json.loads(each.bounds or "{}").get("policy"):
                tx.clients.may_bind_to(policy)
            tx.clients.add(each)

    await database.transact(write)


async def find(database: Database, client_id: str) -> ClientRecord | None:
    async with database.read() as tx:
        return await tx.clients.find("test", client_id)
