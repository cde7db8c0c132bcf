"""PUT(B) over any A judges as POST(B) does: most historic bugs of this field are in the update."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import Response
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from dcrserver.strict_json import dumps
from harness.application import CALLBACK, Application, application, bearer, update_of
from harness.properties import examples
from metadata.strategies import ANY_SUBMISSIONS
from metadata.support import EVERYTHING, FEATURES, OPTIONAL_FAMILIES

# Everything that is understood, on a server that can do everything.
FULL = {
    "authorization_server": FEATURES | {name: list(values) for name, values in EVERYTHING.items()},
    "secrets": {"encryption_keys": [base64.b64encode(bytes(32)).decode()]},
    "policy": {
        "grants": {"implicit": True, "password": True},
        "extensions": {"optional_families": OPTIONAL_FAMILIES},
        "id_token": {"allow_none": True},
    },
}
# Documents that are read at registration are another test's business.
BODIES = ANY_SUBMISSIONS.map(
    lambda body: {name: sent for name, sent in body.items() if name != "sector_identifier_uri"}
)
RAW = st.binary(max_size=60) | st.builds(
    lambda body, place, octets: dumps(body).encode()[:place] + octets,
    BODIES,
    st.integers(0, 200),
    st.binary(max_size=6),
)
EACH = examples(120, suppress_health_check=[HealthCheck.function_scoped_fixture])
CREDENTIALS = {
    "client_id",
    "client_secret",
    "client_id_issued_at",
    "client_secret_expires_at",
    "registration_access_token",
    "registration_client_uri",
}


@pytest.fixture
async def full_app(own_database: str) -> AsyncIterator[Application]:
    async with application(own_database, **FULL) as made:
        yield made


async def send(app: Application, method: str, url: str, body: Any, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else dumps(body).encode()
    return await app.http.request(
        method, url, content=content, headers={"Content-Type": "application/json", **headers}
    )


@EACH
@given(first=BODIES, second=BODIES)
@pytest.mark.requirement("R7592-2.2-07", "R7592-2.2-13", "R7592-2.2-17", "R7591-3.2.1-06")
async def test_an_update_judges_as_a_registration_does(
    full_app: Application, first: dict[str, Any], second: dict[str, Any]
) -> None:
    before = await send(full_app, "POST", "/register", first)
    posted = await send(full_app, "POST", "/register", without_credentials(second))
    assert {before.status_code, posted.status_code} <= {201, 400}
    client = before.json() if before.status_code == 201 else await full_app.register()
    put = await send(
        full_app,
        "PUT",
        f"/register/{client['client_id']}",
        without_credentials(second) | {"client_id": client["client_id"]},
        **bearer(client),
    )
    if posted.status_code == 400:
        assert (put.status_code, put.json()) == (400, posted.json())
        return
    assert put.status_code == 200
    assert metadata(put) == metadata(posted)
    again = await full_app.http.get(f"/register/{client['client_id']}", headers=bearer(put.json()))
    assert metadata(again) == metadata(put)


@EACH
@given(body=BODIES)
@pytest.mark.requirement("R7592-2.2-02", "R7591-3.2.1-06", "OIDR-3.2-01")
async def test_the_echo_can_be_registered_again(
    full_app: Application, body: dict[str, Any]
) -> None:
    """By itself, and by an update with all that was received: the same values are accepted."""
    first = await send(full_app, "POST", "/register", {"redirect_uris": [CALLBACK]} | body)
    if first.status_code == 400:
        first = await send(full_app, "POST", "/register", {"redirect_uris": [CALLBACK]})
    client = first.json()
    second = await send(full_app, "POST", "/register", metadata(first))
    assert second.status_code == 201, second.text
    assert metadata(second) == metadata(first)
    put = await send(
        full_app, "PUT", f"/register/{client['client_id']}", update_of(client), **bearer(client)
    )
    assert put.status_code == 200, put.text
    assert metadata(put) == metadata(first)


@EACH
@given(body=RAW | BODIES)
@pytest.mark.requirement("R7591-3.2.2-03", "R7591-3.2.2-04")
async def test_no_input_is_an_error_of_ours(full_app: Application, body: Any) -> None:
    client = await full_app.register()
    url = f"/register/{client['client_id']}"
    for method, where in (("POST", "/register"), ("PUT", url)):
        answer = await send(full_app, method, where, body, **bearer(client))
        assert answer.status_code in {200, 201, 400, 401}, answer.text
        assert isinstance(answer.json(), dict)
        assert "detail" not in answer.json()


def without_credentials(body: dict[str, Any]) -> dict[str, Any]:
    """Members of the server have rules of their own in an update (RFC 7592 2.2)."""
    return {name: sent for name, sent in body.items() if name not in CREDENTIALS}


def metadata(answer: Response) -> dict[str, Any]:
    return without_credentials(answer.json())
