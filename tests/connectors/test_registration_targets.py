"""Real servers with a registration endpoint: a client's life at each, by the same connector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connectors.lives import METHODS, as_registered, connected, live, read
from dcrserver.connectors.client import WantedClient
from dcrserver.connectors.failures import TargetMisconfigured, TargetRefused
from dcrserver.connectors.rfc7591.connector import Rfc7591Connector
from dcrserver.errors import RegistrationError
from dcrserver.metadata import validate
from harness.long_run import only_long
from harness.properties import examples
from harness.registration_targets import (
    RegistrationTarget,
    dcrserver,
    glewlwyd,
    node_oidc_provider,
)
from harness.wanted import wanted
from metadata.strategies import JUDGED_BY, SENSIBLE_SUBMISSIONS

Start = Callable[[Path], AbstractContextManager[RegistrationTarget]]
NODE = "node-oidc-provider"
SERVERS: dict[str, Start] = {
    NODE: partial(node_oidc_provider, rotates=False),
    "node-oidc-provider with new tokens": partial(node_oidc_provider, rotates=True),
    "glewlwyd": glewlwyd,
    "dcrserver": dcrserver,
}
# The second of a kind in the long run alone: it takes a second to start.
NAMES = [pytest.param(name, marks=only_long) if "with" in name else name for name in SERVERS]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistrationTarget]:
    with SERVERS[NODE](tmp_path_factory.mktemp("target")) as made:
        yield made


@pytest.fixture(scope="module", params=NAMES)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RegistrationTarget]:
    if request.param == NODE:
        yield request.getfixturevalue("provider")
        return
    with SERVERS[request.param](tmp_path_factory.mktemp("target")) as made:
        yield made


@pytest.fixture
async def connector(server: RegistrationTarget) -> AsyncIterator[Rfc7591Connector]:
    made = connected(server)
    yield made
    await made.close()


@pytest.mark.parametrize("method", METHODS)
async def test_a_life_at_a_real_server(
    server: RegistrationTarget, connector: Rfc7591Connector, method: str
) -> None:
    await live(server, connector, wanted(
        "", token_endpoint_auth_method=method, client_name="n", **METHODS[method]
    ))  # fmt: skip


async def test_a_server_says_why_it_refuses(connector: Rfc7591Connector) -> None:
    with pytest.raises(TargetRefused) as told:
        await connector.create(wanted("", redirect_uris=["javascript:alert(1)"]), None)
    assert told.value.reason


async def test_it_lets_us_in(connector: Rfc7591Connector) -> None:
    assert (await connector.discover(["default"])).problems == ()


async def test_a_wrong_initial_token_is_our_fault(provider: RegistrationTarget) -> None:
    connector = connected(provider._replace(initial_access_token="wrong"))
    try:
        (problem,) = (await connector.discover(["default"])).problems
        assert "initial_access_token" in problem
        with pytest.raises(TargetMisconfigured, match="initial_access_token"):
            await connector.create(wanted(""), None)
    finally:
        await connector.close()


def test_whatever_is_taken_is_there_as_it_was_told(provider: RegistrationTarget) -> None:
    @examples(60)
    @given(submission=SENSIBLE_SUBMISSIONS, name=st.text("ab", max_size=2))
    def holds(submission: dict[str, Any], name: str) -> None:
        try:
            members = validate(submission | {"client_name": name}, JUDGED_BY["everything"]).members
        except RegistrationError:
            assume(False)  # noqa: FBT003
        asyncio.run(_is_there_as_told(provider, WantedClient("default", "", dict(members))))

    holds()


async def _is_there_as_told(provider: RegistrationTarget, client: WantedClient) -> None:
    connector = connected(provider)
    try:
        applied = await connector.create(client, None)
        await read(connector, as_registered(client, applied), applied.held)
    except TargetRefused as error:
        assert error.reason  # noqa: PT017 - most are refused for what the provider has not
    finally:
        await connector.close()
