"""The connector for Hydra against its double: what becomes of clients, and when calls fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from dcrserver.connectors.client import Held, NewSecret
from dcrserver.connectors.failures import (
    TargetAway,
    TargetMisconfigured,
    TargetMissing,
    TargetRefused,
    TargetTaken,
)
from dcrserver.connectors.hydra.connector import HydraConnector
from harness import hydra
from harness.hydra import Fault, Hydra
from harness.wanted import CALLBACK, SECRET, target, wanted

HELD = Held("c")


@pytest.fixture(scope="module")
def running() -> Iterator[Hydra]:
    with hydra.served() as double:
        yield double


@pytest.fixture
def double(running: Hydra) -> Hydra:
    running.clients.clear()
    running.calls.clear()
    running.faults.clear()
    return running


@pytest.fixture
async def connector(double: Hydra) -> AsyncIterator[HydraConnector]:
    made = HydraConnector("hydra", target("hydra", url=double.url))
    yield made
    await made.close()


async def test_a_client_is_created_with_our_secret(
    connector: HydraConnector, double: Hydra
) -> None:
    applied = await connector.create(wanted(scope="openid", owner="o"), SECRET)
    assert applied.held == HELD
    assert applied.secret is None
    assert applied.changed == {"subject_type": "public"}
    assert double.authenticates("c", SECRET.value)
    assert double.clients["c"]["owner"] == "o"
    double.sign_in("c", CALLBACK)


async def test_what_hydra_fills_in_is_told(connector: HydraConnector) -> None:
    applied = await connector.create(wanted(), SECRET)
    assert applied.changed["scope"] == "offline_access offline openid"


async def test_an_answer_that_was_lost_is_asked_for_again(
    connector: HydraConnector, double: Hydra
) -> None:
    double.faults.append(Fault(0, is_done=True))
    with pytest.raises(TargetAway) as told:
        await connector.create(wanted(), SECRET)
    assert told.value.is_unknown
    await connector.create(wanted(client_name="n"), SECRET)
    assert double.clients["c"]["client_name"] == "n"
    assert double.authenticates("c", SECRET.value)


@pytest.mark.parametrize("theirs", [
    {}, {"managed_by": "other", "tenant": "default"},
    {"managed_by": "dcrserver", "tenant": "other"},
], ids=["unmarked", "of another server", "of another tenant"])  # fmt: skip
async def test_one_that_is_not_ours_stays_as_it_is(
    connector: HydraConnector, double: Hydra, theirs: dict[str, str]
) -> None:
    double.answer("POST", hydra.ADMIN, b'{"client_id": "c", "client_secret": "of-them"}')
    double.clients["c"]["metadata"] = theirs
    before = dict(double.clients["c"])
    with pytest.raises(TargetTaken):
        await connector.create(wanted(), SECRET)
    with pytest.raises(TargetTaken):
        await connector.update(wanted(), HELD, SECRET)
    await connector.delete("default", "c", HELD)
    assert double.clients["c"] == before
    assert double.authenticates("c", "of-them")


async def test_a_change_leaves_the_secret_and_clears_what_is_gone(
    connector: HydraConnector, double: Hydra
) -> None:
    await connector.create(wanted(client_name="n", contacts=["a"]), SECRET)
    await connector.update(wanted(client_name="m"), HELD, None)
    assert (double.clients["c"]["client_name"], double.clients["c"]["contacts"]) == ("m", [])
    assert double.authenticates("c", SECRET.value)


async def test_a_client_that_is_gone_is_missing(connector: HydraConnector) -> None:
    with pytest.raises(TargetMissing):
        await connector.update(wanted(), HELD, None)
    assert await connector.read("default", "c", HELD) is None
    await connector.delete("default", "c", HELD)


async def test_a_suspended_client_can_do_nothing_and_resumes_as_it_was(
    connector: HydraConnector, double: Hydra
) -> None:
    """Hydra would refuse post_logout_redirect_uris without redirect URIs: they go, too."""
    client = wanted(post_logout_redirect_uris=["https://client.example.org/bye"])
    await connector.create(client, SECRET)
    token, refresh = double.sign_in("c", CALLBACK)
    await connector.update(client._replace(is_active=False), HELD, None)
    assert not double.is_live(token)
    with pytest.raises(hydra.Refused, match="at once"):
        double.sign_in("c", CALLBACK)
    with pytest.raises(hydra.Refused, match="unauthorized_client"):
        double.refresh(refresh)
    found = await connector.read("default", "c", HELD)
    assert found is not None
    assert not found.is_active
    assert connector.differences(client._replace(is_active=False), found) == ()
    assert "redirect_uris" in connector.differences(client, found)
    await connector.update(client, HELD, None)
    assert double.is_live(double.refresh(refresh))
    assert double.authenticates("c", SECRET.value)
    double.sign_in("c", CALLBACK)


async def test_a_new_secret_ends_the_old_one(connector: HydraConnector, double: Hydra) -> None:
    await connector.create(wanted(), SECRET)
    applied = await connector.update(wanted(), HELD, NewSecret("cs_second"))
    assert applied.secret is None
    assert double.authenticates("c", "cs_second")
    assert not double.authenticates("c", SECRET.value)


async def test_an_overlap_is_of_hydras_own_secret_and_ends_when_it_is_over(
    connector: HydraConnector, double: Hydra
) -> None:
    await connector.create(wanted(), SECRET)
    during = wanted(previous_until=100)
    applied = await connector.update(during, HELD, NewSecret("cs_x", 0, 100, is_told=False))
    assert applied.secret not in {None, "cs_x"}
    assert double.authenticates("c", str(applied.secret))
    assert double.authenticates("c", SECRET.value)
    applied = await connector.update(during, applied.held, None)
    assert double.authenticates("c", SECRET.value)
    assert connector.fingerprint(during) != connector.fingerprint(wanted())
    applied = await connector.update(wanted(), applied.held, None)
    assert not double.authenticates("c", SECRET.value)
    assert applied.held == HELD


async def test_a_secret_that_was_told_is_the_only_one_that_will_do(
    connector: HydraConnector, double: Hydra
) -> None:
    await connector.create(wanted(), SECRET)
    applied = await connector.update(wanted(), HELD, NewSecret("cs_told", 0, 100, is_told=True))
    assert applied.secret is None
    assert double.authenticates("c", "cs_told")


async def test_a_client_whose_secret_nobody_knows_gets_none_of_hydras(
    connector: HydraConnector, double: Hydra
) -> None:
    with pytest.raises(TargetRefused, match="digest"):
        await connector.create(wanted(), None)
    assert double.clients == {}
    await connector.create(wanted(token_endpoint_auth_method="none"), None)
    assert "c" in double.clients


async def test_a_secret_that_hydra_would_refuse_is_not_sent(connector: HydraConnector) -> None:
    with pytest.raises(TargetRefused) as told:
        await connector.create(wanted(), NewSecret("tiny!"))
    assert told.value.reason == "client_secret must have 6 characters or more"
    assert "tiny!" not in str(told.value)


async def test_what_hydra_says_of_a_client_is_told_harmlessly(
    connector: HydraConnector,
) -> None:
    with pytest.raises(TargetRefused) as told:
        await connector.create(wanted(client_uri="ftp://internal.example/"), SECRET)
    assert told.value.reason == "Field client_uri must be a valid URI."


@pytest.mark.parametrize("client_id", [
    "https://client.example.org/metadata.json", "a/b", "a b", "a:b", "\u65e5\u672c", "%41", "a?b#c",
    "x" * 255,
])  # fmt: skip
async def test_identifiers_are_encoded(
    connector: HydraConnector, double: Hydra, client_id: str
) -> None:
    await connector.create(wanted(client_id), SECRET)
    await connector.update(wanted(client_id, client_name="n"), Held(client_id), None)
    assert double.clients[client_id]["client_name"] == "n"
    await connector.delete("default", client_id, Held(client_id))
    assert double.clients == {}


async def test_a_list_has_every_client_once(connector: HydraConnector, double: Hydra) -> None:
    """In pages of 500, ours and others'."""
    for number in range(1001):
        double.answer("POST", hydra.ADMIN, b'{"client_id": "c%04d"}' % number)
    await connector.create(wanted(), SECRET)
    double.calls.clear()
    listed = [each async for each in connector.list_all(["default"])]
    assert [each.client_id for each in listed] == sorted(double.clients)
    assert [each.client_id for each in listed if each.mark] == ["c"]
    assert [each.tenant for each in listed if each.mark] == ["default"]
    assert len(double.calls) == 3


@pytest.mark.parametrize(("fault", "error"), [
    (Fault(500), TargetAway), (Fault(503, headers=(("Retry-After", "7"),)), TargetAway),
    (Fault(429), TargetAway), (Fault(0), TargetAway), (Fault(403), TargetMisconfigured),
    (Fault(404, body=b"<html>"), TargetMisconfigured), (Fault(302), TargetMisconfigured),
    (Fault(200, body=b"[]"), TargetMisconfigured),
])  # fmt: skip
async def test_failures_are_told_by_their_kind(
    connector: HydraConnector, double: Hydra, fault: Fault, error: type[Exception]
) -> None:
    double.faults.append(fault)
    with pytest.raises(error):
        await connector.read("default", "c", HELD)


async def test_discovery_tells_the_version(connector: HydraConnector) -> None:
    assert await connector.discover(["default"]) == ("Ory Hydra double", (), {})


async def test_discovery_tells_a_wrong_url(double: Hydra) -> None:
    public = HydraConnector("hydra", target("hydra", url=f"{double.url}/public"))
    try:
        (problem,) = (await public.discover(["default"])).problems
    finally:
        await public.close()
    assert "admin API" in problem
