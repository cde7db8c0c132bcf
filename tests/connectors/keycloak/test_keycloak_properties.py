"""Whatever may be registered, a real Keycloak has as it is wanted: nothing is sent twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, assume, given
from hypothesis import strategies as st

from connectors.keycloak.making import TENANT
from dcrserver.connectors.client import Fate, NewSecret, WantedClient
from dcrserver.connectors.keycloak.connector import KeycloakConnector
from dcrserver.connectors.keycloak.rows import CARRIAGE
from dcrserver.errors import ProtocolError
from dcrserver.metadata import validate
from harness.keycloak import REALM
from harness.keycloak_administrator import Administrator
from harness.long_run import only_long
from harness.properties import examples
from metadata.strategies import JUDGED_BY, SENSIBLE_SUBMISSIONS

pytestmark = [only_long, pytest.mark.timeout(900)]

SECRET = NewSecret("one-" + "x" * 40)
# What a realm may have otherwise, or looks up itself.
_OF_REALMS = frozenset({"default_acr_values", "sector_identifier_uri", "refresh_token_lifetime"})
REGISTERED = st.lists(SENSIBLE_SUBMISSIONS, min_size=2, max_size=2)
_UNHEALTHY = [
    HealthCheck.function_scoped_fixture,
    HealthCheck.filter_too_much,
    HealthCheck.too_slow,
]
_PHASES = [Phase.explicit, Phase.generate]  # each step of making it smaller takes seconds
TERMS = JUDGED_BY["everything on"]


@pytest.fixture(scope="module", autouse=True)
def _scopes(server: Any) -> None:
    """Those that the submissions have."""
    with Administrator(server.url) as admin, suppress(httpx.HTTPStatusError):
        admin.call("POST", f"/{REALM}/client-scopes", {"name": "x", "protocol": "openid-connect"})


def registered(number: int, submission: dict[str, Any]) -> WantedClient:
    """What a registration makes of it, where it is a good one."""
    try:
        metadata = validate(submission, TERMS).members
    except ProtocolError:
        assume(False)  # noqa: FBT003
        raise
    members = {name: each for name, each in metadata.items() if name not in _OF_REALMS}
    return WantedClient(TENANT, f"generated-{number}", json.loads(json.dumps(members)))


def carried(metadata: dict[str, Any]) -> Iterator[str]:
    """What is told as it was registered; false is as good as absent."""
    for name, value in metadata.items():
        is_kept = CARRIAGE[name.partition("#")[0]].fate in {Fate.CARRIED, Fate.STORED}
        is_hidden = name == "client_name" and "application_display_name" in metadata
        if is_kept and not is_hidden and value not in (False, [], {}, ""):
            yield name


def in_order(value: Any) -> Any:
    """Keycloak keeps lists in no order."""
    return sorted(value, key=str) if isinstance(value, list) else value


@examples(60, suppress_health_check=_UNHEALTHY, phases=_PHASES)
@given(submissions=REGISTERED, number=st.integers(0, 2**40))
async def test_no_client_that_was_sent_is_ever_to_be_sent_again(
    connector: KeycloakConnector,
    admin: Administrator,
    submissions: list[dict[str, Any]],
    number: int,
) -> None:
    first, second = (registered(number, each) for each in submissions)
    for each in (first, second):
        assume(connector.judge(each).objections == ())
        each.metadata.update(connector.judge(each).corrections)
    await connector.delete(TENANT, first.client_id, None)
    held = (await connector.create(first, SECRET)).held
    await connector.create(first, SECRET)  # the answer was lost
    for step, each in enumerate((first, second, first)):
        if step:
            await connector.update(each, held, None)
        read = await connector.read(TENANT, each.client_id, held)
        assert read is not None
        assert connector.differences(each, read) == ()
        told = {name: in_order(read.metadata.get(name)) for name in carried(each.metadata)}
        assert told == {name: in_order(each.metadata[name]) for name in told}
    await connector.delete(TENANT, first.client_id, None)
    assert admin.client(first.client_id) is None
