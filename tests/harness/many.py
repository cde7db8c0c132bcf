"""Very many clients, made by one statement of the database's own."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable
from typing import Any, TypeVar

from pydantic import SecretStr
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    String,
    case,
    cast,
    column,
    func,
    insert,
    literal,
    literal_column,
    select,
    table,
)

from dcrserver.db.engine import create_engine
from dcrserver.db.tables import clients
from dcrserver.settings import DatabaseSettings

T = TypeVar("T")

# One of so many is called Acme.
RARE = 1000


async def fill(url: str, tenant: str, count: int) -> None:
    """Clients of ``tenant`` that were registered one after the other, two a second."""
    engine = create_engine(DatabaseSettings(url=SecretStr(url), statement_timeout=100))
    numbers = _numbers(engine.dialect.name, count)
    number: ColumnElement[int] = numbers.c.i
    text = cast(number, String(9))
    name = case((number % RARE == 0, literal("Acme")), else_=literal("Other"))
    values: dict[str, ColumnElement[Any]] = {
        "tenant": literal(tenant),
        "client_id": literal(f"{tenant}-") + text,
        "metadata": literal('{"client_name":"') + name + " " + text + _REST,
        "registration_access_token_digest": literal("x"),
        "issued_at": cast(number / 2, Integer),
        "updated_at": literal(1),
        "version": literal(1),
    }
    made = select(*(value.label(name) for name, value in values.items())).select_from(numbers)
    async with engine.begin() as connection:
        await connection.execute(insert(clients).from_select(list(values), made))
    await engine.dispose()


_REST = (
    '","redirect_uris":["https://client.example.com/callback"],"grant_types":["authorization_code",'
    '"refresh_token"],"response_types":["code"],"token_endpoint_auth_method":"client_secret_basic",'
    '"scope":"openid profile email","contacts":["operations@client.example.com"]}'
)


def _numbers(dialect: str, count: int) -> FromClause:
    if dialect == "postgresql":
        return func.generate_series(1, count).table_valued("i").render_derived()
    if dialect == "mysql":
        name = f"seq_1_to_{count}"
        return select(column("seq").label("i")).select_from(table(name)).subquery()
    first = select(literal_column("1").label("i")).cte(recursive=True)
    return first.union_all(select(first.c.i + 1).where(first.c.i < count))


async def paused(work: Awaitable[T]) -> tuple[T, float]:
    """What comes of ``work``, and for how many seconds at most nothing else could run meanwhile.

    What is loaded is none of the collector's business, as in a server: it would walk all of that in
    the midst of ``work``, for a tenth of a second.
    """
    loop, longest = asyncio.get_running_loop(), 0.0

    async def look() -> None:
        nonlocal longest
        while True:
            before = loop.time()
            await asyncio.sleep(0.001)
            longest = max(longest, loop.time() - before - 0.001)

    gc.collect()
    gc.freeze()
    looking = asyncio.create_task(look())
    try:
        await asyncio.sleep(0.01)
        result = await work
        await asyncio.sleep(0.002)  # also a pause at the end is seen
    finally:
        looking.cancel()
        gc.unfreeze()
    return result, longest
