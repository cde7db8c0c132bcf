"""A client at any server with a registration endpoint: what it makes of it, and when it fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from dcrserver.connectors.client import Fate
from dcrserver.connectors.failures import (
    TargetAway,
    TargetError,
    TargetMisconfigured,
    TargetRefused,
)
from dcrserver.connectors.rfc7591 import members
from dcrserver.connectors.rfc7591.connector import Rfc7591Connector
from dcrserver.metadata import PARAMETERS
from harness.registration_targets import INITIAL_TOKEN, OddServer, odd_server
from harness.wanted import SECRET, target, wanted


@pytest.fixture
def server() -> Iterator[OddServer]:
    with odd_server() as made:
        yield made


def connected(server: OddServer, token: str = INITIAL_TOKEN) -> Rfc7591Connector:
    settings = target(
        "rfc7591", registration_endpoint=f"{server.url}/register", initial_access_token=token
    )
    return Rfc7591Connector("as", settings)


@pytest.fixture
async def connector(server: OddServer) -> AsyncIterator[Rfc7591Connector]:
    made = connected(server)
    yield made
    await made.close()


async def test_identifier_and_secret_are_the_servers(
    connector: Rfc7591Connector, server: OddServer
) -> None:
    applied = await connector.create(wanted("ignored", audience=["x"], client_name="n"), None)
    (client_id,) = server.clients
    assert applied.client_id == applied.held.remote_id == client_id
    assert applied.secret == server.clients[client_id]["client_secret"]
    assert server.clients[client_id]["client_name"] == "n"
    assert "audience" not in server.clients[client_id]
    assert applied.secret not in str(applied.held)


async def test_what_the_server_changed_is_told(
    connector: Rfc7591Connector, server: OddServer
) -> None:
    """Also what it added, and what it does not have; not what is the same in another order."""
    server.renames |= {
        "scope": "b a", "contacts": None, "client_name": "N", "subject_type": "public", "x": "y",
        "tos_uri": "",
    }  # fmt: skip
    applied = await connector.create(wanted(scope="a b", contacts=["c"], client_name="n"), None)
    assert applied.changed == {"client_name": "N", "contacts": None, "subject_type": "public"}


async def test_a_client_is_changed_read_and_deleted_by_its_own_token(
    connector: Rfc7591Connector, server: OddServer
) -> None:
    held = (await connector.create(wanted(), None)).held
    applied = await connector.update(wanted(client_name="m"), held, None)
    assert server.bodies[-1]["client_id"] == held.remote_id
    assert (applied.secret, applied.held) == (None, held)
    found = await connector.read("default", held.remote_id, held)
    assert found is not None
    assert found.metadata["client_name"] == "m"
    assert not members.SECRETS & found.document.keys()
    assert connector.differences(wanted(client_name="m"), found) == ()
    assert connector.differences(wanted(client_name="n"), found) == ("client_name",)
    await connector.delete("default", held.remote_id, held)
    assert server.clients == {}
    await connector.delete("default", held.remote_id, held)


async def test_a_token_that_each_answer_brings_anew_is_kept(
    connector: Rfc7591Connector, server: OddServer
) -> None:
    server.rotates = True
    held = (await connector.create(wanted(), None)).held
    for name in ("a", "b", "c"):
        held = (await connector.update(wanted(client_name=name), held, None)).held
    found = await connector.read("default", held.remote_id, held)
    assert found is not None
    assert found.kept == held.kept
    assert found.metadata["client_name"] == "c"


async def test_a_token_that_was_lost_is_told_clearly(
    connector: Rfc7591Connector, server: OddServer
) -> None:
    """The answer of an update that brought a new one did not arrive: nothing can be done."""
    server.rotates = True
    held = (await connector.create(wanted(), None)).held
    await connector.update(wanted(), held, None)  # its answer is forgotten
    for asked in (
        connector.update(wanted(), held, None),
        connector.read("default", held.remote_id, held),
    ):
        with pytest.raises(TargetMisconfigured, match="deleted there by hand") as told:
            await asked
        assert str(held.kept["registration_access_token"]) not in str(told.value)


async def test_a_new_secret_of_the_server_is_told_once(
    connector: Rfc7591Connector, server: OddServer
) -> None:
    held = (await connector.create(wanted(), None)).held
    server.clients[held.remote_id]["client_secret"] = "renewed"
    applied = await connector.update(wanted(), held, None)
    assert applied.secret == "renewed"
    assert (await connector.update(wanted(), applied.held, None)).secret is None


async def test_what_cannot_be_done_is_refused(
    connector: Rfc7591Connector, server: OddServer
) -> None:
    """Never done halfway, and never ignored: a suspended client would go on working."""
    held = (await connector.create(wanted(), None)).held
    suspended = wanted(is_active=False)
    for asked, words in (
        (connector.update(suspended, held, None), "cannot suspend"),
        (connector.create(suspended, None), "cannot suspend"),
        (connector.update(wanted(), held, SECRET), "none can be set"),
    ):
        with pytest.raises(TargetRefused, match=words):
            await asked
    assert len(server.bodies) == 1


@pytest.mark.parametrize("oddity", [{"manages": False}, {"elsewhere": "https://evil.example"}])
async def test_a_client_that_cannot_be_managed_is_told_so(
    connector: Rfc7591Connector, server: OddServer, oddity: dict[str, Any]
) -> None:
    """No RFC 7592; or at another server, which is not told the token."""
    for name, value in oddity.items():
        setattr(server, name, value)
    held = (await connector.create(wanted(), None)).held
    assert await connector.read("default", held.remote_id, held) is None
    for asked in (
        connector.update(wanted(), held, None),
        connector.delete("default", held.remote_id, held),
    ):
        with pytest.raises(TargetRefused, match="RFC 7592"):
            await asked


async def test_without_anything_held_there_is_nothing_to_ask(connector: Rfc7591Connector) -> None:
    assert await connector.read("default", "c", None) is None
    await connector.delete("default", "c", None)
    assert [found async for found in connector.list_all(["default"])] == []


_ANSWERS: list[tuple[int, Any, type[TargetError]]] = [
    (400, {"error": "invalid_client_metadata", "error_description": "no"}, TargetRefused),
    (403, {"error": "insufficient_scope", "error_description": "no"}, TargetRefused),
    (403, {"error": "invalid_token"}, TargetMisconfigured),
    (401, {"error": "invalid_token"}, TargetMisconfigured),
    (404, {}, TargetMisconfigured),
    (302, {}, TargetMisconfigured),
    (500, {}, TargetAway),
    (429, {}, TargetAway),
    (0, None, TargetAway),
    (201, [], TargetAway),
    (201, {"client_id": 1}, TargetAway),
    (201, {"client_id": "a\nb"}, TargetAway),
    (201, {}, TargetAway),
]


@pytest.mark.parametrize(("status", "body", "error"), _ANSWERS)
async def test_failures_are_told_by_their_kind(
    connector: Rfc7591Connector,
    server: OddServer,
    status: int,
    body: Any,
    error: type[TargetError],
) -> None:
    server.says.append((status, body))
    with pytest.raises(error) as told:
        await connector.create(wanted(), None)
    assert INITIAL_TOKEN not in str(told.value)
    if isinstance(told.value, TargetRefused):
        assert told.value.reason == "no"


async def test_discovery_registers_nothing(server: OddServer) -> None:
    for token, problems in ((INITIAL_TOKEN, 0), ("wrong", 1)):
        connector = connected(server, token)
        try:
            assert len((await connector.discover(["default"])).problems) == problems
        finally:
            await connector.close()
    assert server.clients == {}


async def test_what_a_server_takes_for_a_registration_is_deleted_again(
    connector: Rfc7591Connector, server: OddServer
) -> None:
    server.takes_all = True
    assert len((await connector.discover(["default"])).problems) == 1
    assert server.clients == {}
    assert len(server.bodies) == 2


@pytest.mark.parametrize("status", [200, 201, 404, 405])
async def test_another_answer_to_no_registration_is_a_problem(
    connector: Rfc7591Connector, server: OddServer, status: int
) -> None:
    server.says.append((status, {}))
    (problem,) = (await connector.discover(["default"])).problems
    assert str(status) in problem


def test_all_but_our_own_members_are_carried() -> None:
    fates = {name: said.fate for name, said in members.carriage().items()}
    assert fates.keys() == PARAMETERS.keys()
    dropped = {name for name, fate in fates.items() if fate is Fate.DROPPED}
    assert "audience" in dropped
    assert {"client_name", "jwks"}.isdisjoint(dropped)


def test_decisions_that_are_not_told_are_warned_of() -> None:
    warnings = members.warnings(wanted(require_pkce=True, client_name="n"))
    assert [each.member for each in warnings] == ["require_pkce"]
