"""Each kind of target has a connector, and each connector all that is asked of one."""

from __future__ import annotations

import inspect
from pkgutil import resolve_name

import pytest

from dcrserver.connectors.build import CONNECTORS, build
from dcrserver.connectors.connector import Connector
from dcrserver.metadata import PARAMETERS
from dcrserver.metadata.catalogue import VERIFIED
from dcrserver.settings import ConfigurationError, ConnectorSettings
from harness.wanted import target

# What each kind needs, beside.
_SETTINGS = {
    "hydra": {"url": "http://127.0.0.1:4445"},
    "keycloak": {
        "url": "http://127.0.0.1:8080", "realm": "r", "client_id": "c", "client_secret": "s",
    },
    "rfc7591": {"registration_endpoint": "http://127.0.0.1:1/reg"},
    "json_file": {"path": "clients.jsonl"},
    "sql": {"database_url": "sqlite://"},
}  # fmt: skip


@pytest.mark.parametrize("kind", CONNECTORS)
async def test_a_connector_has_all_that_is_asked_of_one(kind: str) -> None:
    connector = build("as", target(kind, **_SETTINGS[kind]))
    try:
        assert connector.name == "as"
        assert connector.kind == kind
        assert connector.carriage().keys() <= PARAMETERS.keys() | VERIFIED.keys()
    finally:
        await connector.close()
    made = resolve_name(CONNECTORS[kind])
    for name, asked in inspect.getmembers(Connector, inspect.isfunction):
        if not name.startswith("_"):
            offered = inspect.signature(getattr(made, name))
            assert offered.parameters.keys() == inspect.signature(asked).parameters.keys(), name


def test_a_kind_that_is_not_there_yet_is_told() -> None:
    settings = ConnectorSettings.model_construct(kind="other")
    with pytest.raises(ConfigurationError, match="no kind other"):
        build("as", settings)
