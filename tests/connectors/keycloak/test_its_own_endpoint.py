"""Keycloak as any server with a registration endpoint, for those who may not use its admin API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from connectors.lives import METHODS, as_registered, connected, live
from dcrserver.connectors.failures import TargetMisconfigured, TargetRefused
from dcrserver.connectors.rfc7591.connector import Rfc7591Connector
from harness.keycloak import ACCOUNT, ACCOUNT_SECRET, REALM, Keycloak
from harness.keycloak_administrator import Administrator
from harness.long_run import only_long
from harness.registration_targets import RegistrationTarget
from harness.wanted import wanted

pytestmark = [only_long, pytest.mark.timeout(600)]

# Told as registered, and lost; or told otherwise than they were stored.
_FORGOTTEN = frozenset({"application_type", "contacts", "software_id", "backchannel_logout_uri"})


@pytest.fixture(scope="module")
def endpoint(server: Keycloak) -> RegistrationTarget:
    """With an initial access token for some of these tests."""
    with httpx.Client(trust_env=False, verify=False) as http:  # noqa: S501 - plain HTTP
        token = http.post(
            server.endpoint("token"),
            data={"grant_type": "client_credentials"},
            auth=(ACCOUNT, ACCOUNT_SECRET),
        ).raise_for_status().json()["access_token"]  # fmt: skip
        initial = http.post(
            f"{server.url}/admin/realms/{REALM}/clients-initial-access",
            json={"count": 50, "expiration": 3600},
            headers={"Authorization": f"Bearer {token}"},
        ).raise_for_status().json()["token"]  # fmt: skip
    url = f"{server.url}/realms/{REALM}/clients-registrations/openid-connect"
    return RegistrationTarget(url, initial, forgets=_FORGOTTEN)


@pytest.fixture
async def registrar(endpoint: RegistrationTarget) -> AsyncIterator[Rfc7591Connector]:
    made = connected(endpoint)
    yield made
    await made.close()


@pytest.mark.parametrize("method", METHODS)
async def test_a_life_at_keycloak(
    endpoint: RegistrationTarget, registrar: Rfc7591Connector, method: str
) -> None:
    """Each update ends the registration access token, and brings a new one."""
    await live(endpoint, registrar, wanted(
        "", token_endpoint_auth_method=method, client_name="n", **METHODS[method]
    ))  # fmt: skip


async def test_a_lost_answer_of_an_update_costs_the_token(
    registrar: Rfc7591Connector, admin: Administrator
) -> None:
    client = wanted("")
    applied = await registrar.create(client, None)
    client = as_registered(client, applied)
    await registrar.update(client, applied.held, None)  # its answer is forgotten
    with pytest.raises(TargetMisconfigured, match="deleted there by hand"):
        await registrar.update(client, applied.held, None)
    found = admin.client(applied.held.remote_id)
    assert found
    admin.call("DELETE", f"/{REALM}/clients/{found['id']}")


@pytest.mark.parametrize("members", [{"scope": "openid"}, {"client_name#de": "n"}])
async def test_what_keycloak_refuses_is_the_clients(
    registrar: Rfc7591Connector, members: dict[str, str]
) -> None:
    """403 for a scope is no want of a token."""
    with pytest.raises(TargetRefused):
        await registrar.create(wanted("", **members), None)


async def test_keycloak_lets_us_in(
    registrar: Rfc7591Connector, endpoint: RegistrationTarget
) -> None:
    assert (await registrar.discover(["default"])).problems == ()
    stranger = connected(endpoint._replace(initial_access_token="wrong"))
    try:
        assert len((await stranger.discover(["default"])).problems) == 1
    finally:
        await stranger.close()
