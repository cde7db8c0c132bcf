"""A new client is stored as it is, whichever of its columns were worth sending."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from dcrserver.db.protocol.drivers import open_driver
from dcrserver.db.tables import clients
from dcrserver.repositories.client_additions import Additions
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database
from dcrserver.settings import DatabaseSettings
from harness.cases import each
from harness.rows import add, find, record

# What a text must be that we read ourselves.
_READ = {"metadata": '{"client_name":"x"}', "client_secrets": '[{"expires_at":7}]', "bounds": "{}"}


@pytest.fixture
async def database(any_database: str) -> AsyncIterator[Database]:
    made = Database(open_driver(DatabaseSettings(url=SecretStr(any_database), pool_size=4)))
    yield made
    await made.close()


async def test_a_new_client_is_stored_with_whatever_it_has(database: Database) -> None:
    """Also where that is one thing that hardly any client has."""
    plain = record()._replace(**ClientRecord._field_defaults)
    for name in ClientRecord._field_defaults:
        other = _READ.get(name, 7 if clients.c[name].type.python_type is int else "x")
        one, two = record(), record()
        with_one = plain._replace(client_id=one.client_id, **{name: other})
        without = plain._replace(client_id=two.client_id)
        await add(database, with_one, without)
        assert await find(database, one.client_id) == with_one, name
        assert await find(database, two.client_id) == without, name


@each("other", [{"suspended_at": 1}, {"owner": ""}, {"version": 1}])
def test_a_default_that_the_database_does_not_share_stops_the_program(
    other: dict[str, object],
) -> None:
    with pytest.raises(TypeError, match=next(iter(other))):
        Additions(ClientRecord._fields, ClientRecord._field_defaults | other)
