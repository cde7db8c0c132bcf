"""A table of clients in each database: what a server reads there, and what is left alone."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import bcrypt
import pytest
from hypothesis import assume, given
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from dcrserver.connectors.client import Fate, Held, NewSecret, WantedClient
from dcrserver.connectors.failures import (
    TargetAway,
    TargetMisconfigured,
    TargetMissing,
    TargetRefused,
    TargetTaken,
)
from dcrserver.connectors.sql.connector import SqlConnector
from dcrserver.connectors.sql.table import carriage, row
from dcrserver.errors import RegistrationError
from dcrserver.metadata import PARAMETERS, validate
from dcrserver.strict_json import JsonObject
from docs.pasting import ROOT
from harness.cases import each
from harness.databases import BACKENDS, database
from harness.properties import examples
from harness.wanted import CALLBACK, SECRET, target, wanted
from metadata.strategies import JUDGED_BY, SENSIBLE_SUBMISSIONS

HELD = Held("c")
_ASYNC = {"sqlite:": "sqlite+aiosqlite:", "postgresql:": "postgresql+asyncpg:",
          "mysql:": "mysql+asyncmy:"}  # fmt: skip


@pytest.fixture(scope="module", params=BACKENDS)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with database(request.param) as made:
        yield made


@pytest.fixture
async def connector(url: str) -> AsyncIterator[SqlConnector]:
    """Its table is empty."""
    made = connected(url)
    await made.discover(["default"])
    await asked(url, "DELETE FROM oauth_clients")
    yield made
    await made.close()


def connected(url: str, **settings: Any) -> SqlConnector:
    return SqlConnector("store", target("sql", database_url=url, **settings))


async def asked(url: str, statement: str) -> list[dict[str, Any]]:
    """What somebody else's program finds in the table, or does to it."""
    prefix = url.partition("/")[0]
    engine = create_async_engine(url.replace(prefix, _ASYNC[prefix], 1))
    try:
        async with engine.begin() as connection:
            result = await connection.execute(text(statement))
            return [dict(each) for each in result.mappings()] if result.returns_rows else []
    finally:
        await engine.dispose()


async def the_row(url: str) -> dict[str, Any]:
    (found,) = await asked(url, "SELECT * FROM oauth_clients WHERE client_id = 'c'")
    return found


async def test_a_client_is_a_row_that_others_can_read(connector: SqlConnector, url: str) -> None:
    client = wanted(client_name="\u65e5\u672c", require_pkce=True, refresh_token_lifetime=60)
    assert await connector.create(client._replace(tags=("t",), owner="o"), SECRET) == (
        HELD, {}, None, None, 0,
    )  # fmt: skip
    found = await the_row(url)
    assert (found["client_name"], found["status"], found["owner"]) == (
        "\u65e5\u672c",
        "active",
        "o",
    )
    assert (found["tenant"], found["managed_by"]) == ("default", "dcrserver")
    assert CALLBACK in str(found["redirect_uris"])
    assert bool(found["require_pkce"])
    assert found["refresh_token_lifetime"] == 60
    assert bcrypt.checkpw(SECRET.value.encode(), found["client_secret"].encode())
    assert SECRET.value not in str(found)


async def test_a_client_is_there_as_it_was_wanted(connector: SqlConnector) -> None:
    client = wanted(contacts=["a"], jwks={"keys": [{"kty": "RSA"}]}, **{"client_name#fr": "n"})
    await connector.create(client, SECRET)
    found = await connector.read("default", "c", None)
    assert found is not None
    assert connector.differences(client, found) == ()
    assert found.metadata == client.metadata
    assert (found.mark, found.tenant, found.is_active) == ("dcrserver", "default", True)
    assert "client_secret" not in found.document
    changed = wanted(contacts=["b"])
    assert set(connector.differences(changed, found)) == {"contacts", "jwks", "metadata"}


async def test_a_client_lives(connector: SqlConnector, url: str) -> None:
    """Changed, suspended, resumed, deleted; its secret stays, and what it has no more goes."""
    await connector.create(wanted(client_name="n"), SECRET)
    kept = (await the_row(url))["client_secret"]
    for client, status in (
        (wanted(), "active"),
        (wanted(is_active=False), "suspended"),
        (wanted(), "active"),
    ):
        await connector.update(client, HELD, None)
        found = await the_row(url)
        assert (found["status"], found["client_name"]) == (status, None)
        assert found["client_secret"] == kept
    for _ in range(2):
        await connector.delete("default", "c", HELD)
    assert await connector.read("default", "c", HELD) is None
    with pytest.raises(TargetMissing):
        await connector.update(wanted(), HELD, None)


async def test_a_creation_can_be_repeated(connector: SqlConnector, url: str) -> None:
    await connector.create(wanted(), SECRET)
    await connector.create(wanted(client_name="n"), SECRET)
    assert (await the_row(url))["client_name"] == "n"


async def test_secrets_overlap(connector: SqlConnector, url: str) -> None:
    """The one before, until its time; written again, none becomes the one before itself."""
    await connector.create(wanted(), SECRET)
    new = NewSecret("cs_second", expires_at=900, previous_until=100)
    for _ in range(2):
        await connector.update(wanted(previous_until=100), HELD, new)
    found = await the_row(url)
    assert bcrypt.checkpw(b"cs_second", found["client_secret"].encode())
    assert bcrypt.checkpw(SECRET.value.encode(), found["previous_secret"].encode())
    assert (found["previous_secret_until"], found["client_secret_expires_at"]) == (100, 900)
    await connector.update(wanted(previous_until=100), HELD, None)
    assert (await the_row(url))["previous_secret"]
    assert connector.fingerprint(wanted(previous_until=100)) != connector.fingerprint(wanted())
    await connector.update(wanted(), HELD, None)
    assert (await the_row(url))["previous_secret"] is None
    await connector.update(wanted(), HELD, NewSecret("cs_third"))
    found = await the_row(url)
    assert bcrypt.checkpw(b"cs_third", found["client_secret"].encode())
    assert found["previous_secret"] is None


async def test_rows_of_others_stay_as_they_are(connector: SqlConnector, url: str) -> None:
    await connector.create(wanted(), SECRET)
    await asked(url, "UPDATE oauth_clients SET managed_by = 'other', client_secret = 'theirs'")
    before = await the_row(url)
    with pytest.raises(TargetTaken):
        await connector.create(wanted(client_name="n"), SECRET)
    with pytest.raises(TargetTaken):
        await connector.update(wanted(client_name="n"), HELD, None)
    await connector.delete("default", "c", HELD)
    assert await the_row(url) == before


async def test_tenants_have_rows_of_their_own(connector: SqlConnector) -> None:
    for tenant in ("default", "acme"):
        await connector.create(wanted(tenant=tenant, client_name=tenant), None)
    await connector.create(wanted("C"), None)  # another client, whatever the case
    await connector.delete("acme", "c", HELD)
    left = [(each.tenant, each.client_id) async for each in connector.list_all(["default"])]
    assert sorted(left) == [("default", "C"), ("default", "c")]


@pytest.fixture
def postgresql() -> Iterator[str]:
    with database("postgresql") as made:
        yield made


async def test_the_view_for_spring_shows_active_clients(postgresql: str) -> None:
    """As the page has it."""
    page = (ROOT / "docs" / "connectors" / "sql.md").read_text("utf-8")
    (view,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    made = connected(postgresql)
    try:
        await made.create(wanted(scope="a b"), SECRET)
        await made.create(wanted("suspended", is_active=False), None)
        await asked(postgresql, view)
        (found,) = await asked(postgresql, "SELECT * FROM oauth2_registered_client")
    finally:
        await made.close()
    assert found["client_secret"].startswith("{bcrypt}$2b$10$")
    assert found["authorization_grant_types"] == "authorization_code,refresh_token"
    assert (found["redirect_uris"], found["scopes"]) == (CALLBACK, "a,b")


async def test_a_list_has_every_row_once(connector: SqlConnector, url: str) -> None:
    await connector.create(wanted("c0"), None)
    columns = "tenant, status, metadata"
    for start in range(1, 1001, 250):
        rows = ", ".join(
            f"('c{number}', 'default', 'active', '{{}}')" for number in range(start, start + 250)
        )
        await asked(url, f"INSERT INTO oauth_clients (client_id, {columns}) VALUES {rows}")  # noqa: S608
    listed = [each async for each in connector.list_all(["default"])]
    assert sorted(each.client_id for each in listed) == sorted(f"c{n}" for n in range(1001))
    assert [each.client_id for each in listed if each.mark] == ["c0"]


async def test_several_processes_make_the_table_at_once(url: str) -> None:
    made = [connected(url, table="made_at_once") for _ in range(4)]
    try:
        found = await asyncio.gather(*(each.discover(["default"]) for each in made))
    finally:
        for each in made:
            await each.close()
    assert {each.problems for each in found} == {()}


async def test_a_table_that_lacks_columns_is_told(url: str) -> None:
    await asked(url, "CREATE TABLE of_others (client_id VARCHAR(10), tenant VARCHAR(10))")
    made = connected(url, table="of_others")
    try:
        (problem,) = (await made.discover(["default"])).problems
        assert "client_secret, " in problem
        with pytest.raises((TargetMisconfigured, TargetAway)):
            await made.create(wanted(), SECRET)
    finally:
        await made.close()


@pytest.mark.parametrize(("form", "stands"), [
    ("plain", lambda secret: secret),
    ("sha256", lambda secret: base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()),
])  # fmt: skip
async def test_secrets_stand_in_the_form_that_is_wanted(url: str, form: str, stands: Any) -> None:
    made = connected(url, secret_form=form, table=f"secrets_{form}")
    try:
        await made.create(wanted(), SECRET)
        await made.update(wanted(previous_until=9), HELD, NewSecret("cs_2", previous_until=9))
        (found,) = await asked(url, f"SELECT * FROM secrets_{form}")  # noqa: S608 - a constant
    finally:
        await made.close()
    assert (found["client_secret"], found["previous_secret"]) == (
        stands("cs_2"), stands(SECRET.value),
    )  # fmt: skip


async def test_a_secret_that_bcrypt_would_cut_is_refused(connector: SqlConnector) -> None:
    with pytest.raises(TargetRefused, match="72 octets"):
        await connector.create(wanted(), NewSecret("x" * 73))
    assert await connector.read("default", "c", None) is None


def test_secrets_that_must_be_read_need_the_plain_form() -> None:
    client = wanted(token_endpoint_auth_method="client_secret_jwt")
    for form, objections in (("bcrypt", 1), ("sha256", 1), ("plain", 0)):
        judged = connected("sqlite://", secret_form=form).judge(client)
        assert len(judged.objections) == objections


@pytest.mark.parametrize(("url", "error"), [
    ("postgresql://127.0.0.1:1/x", TargetAway), ("mysql://127.0.0.1:1/x", TargetAway),
    ("sqlite:////nowhere/at/all.db", TargetAway),
])  # fmt: skip
async def test_a_database_that_is_away_is_told(url: str, error: type[Exception]) -> None:
    made = connected(url)
    try:
        with pytest.raises(error):
            await made.read("default", "c", None)
    finally:
        await made.close()


@pytest.fixture(params=["postgresql", "mysql"])
def not_there(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database that its server does not have."""
    with database(request.param) as made:
        yield f"{made}_is_not_there"


async def test_a_database_that_does_not_let_us_in_is_told(not_there: str) -> None:
    """Neither with the user nor with the password."""
    made = connected(not_there)
    try:
        with pytest.raises(TargetMisconfigured) as told:
            await made.read("default", "c", None)
    finally:
        await made.close()
    assert "@" not in str(told.value)
    assert "dcr" not in str(told.value)


@each("url", ["oracle://a/b", "nonsense", "http://a.example/"])
def test_another_database_is_a_mistake(url: str) -> None:
    with pytest.raises(TargetMisconfigured):
        connected(url)


def test_every_member_has_a_fate() -> None:
    fates = {name: said.fate for name, said in carriage().items()}
    assert fates.keys() == PARAMETERS.keys()
    assert set(fates.values()) == {Fate.CARRIED, Fate.STORED}


def test_whatever_is_registered_is_there_as_it_was_wanted() -> None:
    async def holds(client: WantedClient) -> None:
        made = connected("sqlite:///")
        try:
            await made.create(client, None)
            found = await made.read("default", "c", None)
        finally:
            await made.close()
        assert found is not None
        assert made.differences(client, found) == ()
        assert found.document["metadata"] == row(client, "dcrserver")["metadata"]

    @examples(100)
    @given(submission=SENSIBLE_SUBMISSIONS)
    def tried(submission: JsonObject) -> None:
        try:
            members = validate(submission, JUDGED_BY["everything on"]).members
        except RegistrationError:
            assume(False)  # noqa: FBT003
        asyncio.run(holds(WantedClient("default", "c", dict(members))))

    tried()
