"""The life of a client at a server with a registration endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from dcrserver.connectors.client import Applied, Held, WantedClient
from dcrserver.connectors.failures import TargetMisconfigured
from dcrserver.connectors.rfc7591.connector import Rfc7591Connector
from harness.registration_targets import RegistrationTarget
from harness.wanted import target

EC = {"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig",
      "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
      "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}  # fmt: skip
METHODS: dict[str, dict[str, Any]] = {
    "client_secret_basic": {},
    "private_key_jwt": {"jwks": {"keys": [EC]}},
    "none": {},
}


def connected(server: RegistrationTarget) -> Rfc7591Connector:
    given = {"registration_endpoint": server.registration_endpoint}
    if server.initial_access_token is not None:
        given["initial_access_token"] = server.initial_access_token
    return Rfc7591Connector("as", target("rfc7591", **given))


def as_registered(client: WantedClient, applied: Applied) -> WantedClient:
    """With what the server made of it, as the answer of the registration echoes it."""
    merged = client.metadata | dict(applied.changed)
    known = {name: value for name, value in merged.items() if value is not None}
    return client._replace(client_id=applied.held.remote_id, metadata=known)


async def live(
    server: RegistrationTarget, connector: Rfc7591Connector, client: WantedClient
) -> None:
    """Registered, read, moved to another redirect URI, and deleted; none is there twice."""
    has_secret = client.metadata["token_endpoint_auth_method"] == "client_secret_basic"
    applied = await connector.create(client, None)
    assert applied.client_id
    assert bool(applied.secret) == has_secret
    client = as_registered(client, applied)
    held = await read(connector, client, applied.held, server.forgets)
    moved = client.metadata | {"redirect_uris": ["https://client.example.org/moved"]}
    again = await connector.update(client._replace(metadata=moved), held, None)
    assert bool(again.secret) == bool(applied.secret and server.renews_secrets)
    client = as_registered(client._replace(metadata=moved), again)
    assert client.metadata["redirect_uris"] == ["https://client.example.org/moved"]
    held = await read(connector, client, again.held, server.forgets)
    await connector.delete("default", held.remote_id, held)
    with pytest.raises(TargetMisconfigured):
        await connector.read("default", held.remote_id, held)
    await connector.delete("default", held.remote_id, held)


async def read(
    connector: Rfc7591Connector,
    client: WantedClient,
    held: Held,
    forgotten: frozenset[str] = frozenset(),
) -> Held:
    """It is there as it is wanted; by what it is held from then on."""
    found = await connector.read("default", held.remote_id, held)
    assert found is not None
    assert set(connector.differences(client, found)) <= forgotten
    assert found.kept is not None
    return held._replace(kept=found.kept)
