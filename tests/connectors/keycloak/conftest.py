"""A real Keycloak for the tests of this folder, and connectors to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from connectors.keycloak.making import MakeConnector
from dcrserver.connectors.keycloak.connector import KeycloakConnector
from dcrserver.settings import ConnectorSettings
from harness import keycloak
from harness.keycloak import ACCOUNT, ACCOUNT_SECRET, REALM, Keycloak
from harness.keycloak_administrator import Administrator


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Keycloak]:
    """One for all workers of a run: their folders are beside each other."""
    base = tmp_path_factory.getbasetemp()
    with keycloak.shared(base if worker_id == "master" else base.parent) as running:
        yield running


@pytest.fixture
def admin(server: Keycloak) -> Iterator[Administrator]:
    with Administrator(server.url) as made:
        yield made


@pytest.fixture
async def connect(server: Keycloak) -> AsyncIterator[MakeConnector]:
    """Makes connectors with settings of their own."""
    async with AsyncExitStack() as stack:

        def make(**settings: Any) -> KeycloakConnector:
            usual = {
                "kind": "keycloak", "url": server.url, "realm": REALM, "client_id": ACCOUNT,
                "timeout": 60.0,
            }  # fmt: skip
            if "private_key_file" not in settings:
                usual["client_secret"] = ACCOUNT_SECRET
            made = KeycloakConnector("front", ConnectorSettings(**(usual | settings)))
            stack.push_async_callback(made.close)
            return made

        yield make


@pytest.fixture
def connector(connect: MakeConnector) -> KeycloakConnector:
    return connect()
