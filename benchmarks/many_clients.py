"""Very many clients as a server comes to have them, written past it.

Of ten clients six are copies of a few hundred programs, three of rarer ones, and one has a name of
its own; programs have versions and hosts, some clients an owner, tags, a secret that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import asyncpg
from pydantic import SecretStr
from sqlalchemy import text

from dcrserver.db.engine import create_engine
from dcrserver.db.tables import client_facets, clients, last_uses, metadata
from dcrserver.repositories.clients import RETIRED, ClientRecord
from dcrserver.repositories.facets import FacetsRecord, facets_record
from dcrserver.settings import DatabaseSettings

_BATCH = 10_000
# Rows of one statement of MariaDB's.
_AT_ONCE = 1000
NOW = 1_800_000_000
_YEARS = 2 * 365 * 86_400
_FIRST = [
    "Acme",
    "Blue",
    "Cloud",
    "Data",
    "Echo",
    "Fast",
    "Green",
    "Home",
    "Iris",
    "Jade",
    "Kilo",
    "Lumen",
    "Metro",
    "Nova",
    "Orbit",
    "Pixel",
    "Quick",
    "River",
    "Solar",
    "Terra",
]
_SECOND = [
    "Agent",
    "Bank",
    "Calendar",
    "Desk",
    "Editor",
    "Files",
    "Guide",
    "Inspector",
    "Mail",
    "Maps",
    "Notes",
    "Pay",
    "Reader",
    "Search",
    "Sync",
    "Tasks",
    "Video",
    "Wallet",
]
# How many have what: of all, and of the kinds of programs.
_ENDING, _CHANGED, _SUSPENDED, _OWNED, _TAGGED, _USED = 0.1, 0.1, 0.01, 0.05, 0.02, 0.4
_POPULAR, _RARE = 0.6, 0.9
_METHODS = ("none", "none", "none", "client_secret_basic", "client_secret_post", "private_key_jwt")
_ORIGINS = ("open", "open", "open", "initial_access_token", "administrator", "import")


class Row(NamedTuple):
    """A client, by what it is found, and when it was last used; 0: never."""

    client: dict[str, Any]
    facets: FacetsRecord
    used_at: int


def rows(tenant: str, numbers: range) -> Iterator[Row]:
    """The same for the same numbers."""
    for number in numbers:
        chance = random.Random(number)  # noqa: S311 - no secret
        members = _metadata(chance, number)
        created = NOW - _YEARS + int(number * _YEARS / 1_000_000)
        ends_at = NOW + chance.randrange(90 * 86_400) if chance.random() < _ENDING else 0
        secrets = [{"id": "1", "digest": "x" * 64, "ciphertext": None, "issued_at": created,
                    "expires_at": ends_at}]  # fmt: skip
        is_public = members["token_endpoint_auth_method"] == "none"
        record = ClientRecord(
            tenant=tenant,
            client_id=client_id(number),
            metadata=json.dumps(members, separators=(",", ":")),
            registration_access_token_digest=hashlib.sha256(f"rat{number}".encode()).hexdigest(),
            issued_at=created,
            updated_at=created + (chance.randrange(86_400) if chance.random() < _CHANGED else 0),
            version=1,
            client_secrets=None if is_public else json.dumps(secrets, separators=(",", ":")),
            suspended_at=created if chance.random() < _SUSPENDED else 0,
            owner=f"owner-{chance.randrange(500)}" if chance.random() < _OWNED else None,
            tags=f" tag-{chance.randrange(20)} " if chance.random() < _TAGGED else None,
            origin=chance.choice(_ORIGINS),
        )
        facets = facets_record(tenant, record.metadata, None, record.origin)
        derived = {"facets_id": facets.id, "secret_expires_at": 0 if is_public else ends_at}
        used_at = NOW - chance.randrange(_YEARS) if chance.random() < _USED else 0
        yield Row(record._asdict() | derived | dict.fromkeys(RETIRED), facets, used_at)


def client_id(number: int) -> str:
    return hashlib.sha256(f"client{number}".encode()).hexdigest()[:32]


def _metadata(chance: random.Random, number: int) -> dict[str, Any]:
    kind = chance.random()
    program = (
        min(int(chance.paretovariate(0.7)), 300) if kind < _POPULAR else chance.randrange(5000)
    )
    name = f"{_FIRST[program % 20]} {_SECOND[program // 20 % 18]}"
    if kind >= _POPULAR:
        name = f"{name} {program}" if kind < _RARE else f"{name} of Customer {number}"
    host = f"app{program % 400}.example.org"
    return {
        "redirect_uris": [f"https://{host}/callback", f"https://{host}/other"],
        "token_endpoint_auth_method": _METHODS[program % 6],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "client_name": name,
        "client_uri": f"https://{host}/",
        "logo_uri": f"https://{host}/logo.png",
        "scope": "openid profile email",
        "contacts": [f"operations@{host}"],
        "software_id": f"software-{program}",
        "software_version": f"{program % 3}.{chance.randrange(4)}",
        "application_type": "native" if program % 5 == 0 else "web",
    }


def fill(url: str, tenant: str, count: int) -> Iterator[int]:
    """Writes them into a migrated database; how many there are, now and then."""
    write = {"sqlite": _sqlite, "mysql": _mariadb}.get(url.partition(":")[0], _postgresql)
    seen: set[str] = set()
    for first in range(0, count, _BATCH):
        made = list(rows(tenant, range(first, min(first + _BATCH, count))))
        new = {row.facets.id: row.facets for row in made if row.facets.id not in seen}
        seen |= new.keys()
        uses = [(tenant, row.client["client_id"], "", row.used_at) for row in made if row.used_at]
        names = [column.name for column in clients.columns]
        write(
            url,
            {
                client_facets.name: (FacetsRecord._fields, list(new.values())),
                clients.name: (names, [tuple(row.client[n] for n in names) for row in made]),
                last_uses.name: ([column.name for column in last_uses.columns], uses),
            },
        )
        yield first + len(made)


_Tables = dict[str, tuple[Sequence[str], Sequence[tuple[Any, ...]]]]


def _sqlite(url: str, tables: _Tables) -> None:
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)) as link:
        for table, (names, values) in tables.items():
            marks = ", ".join("?" * len(names))
            link.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", values)
        link.commit()


def _mariadb(url: str, tables: _Tables) -> None:
    async def insert() -> None:
        engine = create_engine(DatabaseSettings(url=SecretStr(url), statement_timeout=60))
        for name, (columns, rows) in tables.items():
            statement = metadata.tables[name].insert()
            values = [dict(zip(columns, row, strict=True)) for row in rows]
            for first in range(0, len(values), _AT_ONCE):
                async with engine.begin() as connection:
                    await connection.execute(statement, values[first : first + _AT_ONCE])
        await engine.dispose()

    asyncio.run(insert())


def _postgresql(url: str, tables: _Tables) -> None:
    async def copy() -> None:
        link = await asyncpg.connect(url)
        for table, (names, values) in tables.items():
            await link.copy_records_to_table(table, records=values, columns=names)
        await link.close()

    asyncio.run(copy())


def analyze(url: str) -> None:
    """What the database would do by itself within minutes, or a job of the server."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as link:
            link.execute("ANALYZE")
    else:
        asyncio.run(_analyze(url))


async def _analyze(url: str) -> None:
    if url.startswith("mysql"):
        engine = create_engine(DatabaseSettings(url=SecretStr(url), statement_timeout=60))
        async with engine.connect() as connection:
            await connection.execute(text("ANALYZE TABLE clients, client_facets, last_uses"))
        await engine.dispose()
        return
    link = await asyncpg.connect(url)
    await link.execute("VACUUM ANALYZE")
    await link.close()
