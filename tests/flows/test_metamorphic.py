"""PUT(B) over any A judges as POST(B) does: most historic bugs of this field are in the update."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.application import CALLBACK, Application, bearer

# Members with values that are mostly right, sometimes wrong, sometimes contradict each other.
_MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "redirect_uris": st.sampled_from(
        [[CALLBACK], ["http://127.0.0.1/cb"], ["com.example.app:/cb"], [f"{CALLBACK}#f"], [], None]
    ),
    "grant_types": st.sampled_from(
        [["authorization_code"], ["client_credentials"], ["implicit"], ["refresh_token"], [], 1]
    ),
    "response_types": st.sampled_from([["code"], ["token"], ["id_token code"], [], None, "code"]),
    "token_endpoint_auth_method": st.sampled_from(
        ["none", "client_secret_basic", "client_secret_post", "private_key_jwt", "", None]
    ),
    "application_type": st.sampled_from(["web", "native", "desktop", None]),
    "client_name": st.one_of(st.text(max_size=5), st.none(), st.integers()),
    "client_name#fr": st.text(max_size=3),
    "scope": st.sampled_from(["openid", "openid unknown", "unknown", "a  b", "", None]),
    "jwks_uri": st.sampled_from(
        ["https://c.example/jwks", "http://c.example", "https://127.0.0.1/"]
    ),
    "contacts": st.lists(st.sampled_from(["a@example.org", "b", 1]), max_size=3),
    "default_max_age": st.sampled_from([0, 60, -1, 1.5, True, "60"]),
    "id_token_signed_response_alg": st.sampled_from(["RS256", "ES256", "HS256", "none", "x"]),
    "require_auth_time": st.sampled_from([True, False, "true", None]),
    "software_id": st.text(max_size=3),
    "x_unknown": st.integers(),
}
BODIES = st.fixed_dictionaries({}, optional=_MEMBERS)
CREDENTIALS = {
    "client_id",
    "client_secret",
    "client_id_issued_at",
    "client_secret_expires_at",
    "registration_access_token",
    "registration_client_uri",
}


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=BODIES, second=BODIES)
@pytest.mark.requirement("R7592-2.2-07", "R7592-2.2-13", "R7592-2.2-17")
async def test_an_update_judges_as_a_registration_does(
    any_app: Application, first: dict[str, Any], second: dict[str, Any]
) -> None:
    before = await any_app.http.post("/register", json=first)
    posted = await any_app.http.post("/register", json=second)
    assert {before.status_code, posted.status_code} <= {201, 400}
    if before.status_code == 400:
        before = await any_app.http.post("/register", json={"redirect_uris": [CALLBACK]})
    client = before.json()
    put = await any_app.http.put(
        f"/register/{client['client_id']}",
        json=second | {"client_id": client["client_id"]},
        headers=bearer(client),
    )
    if posted.status_code == 400:
        assert (put.status_code, put.json()) == (400, posted.json())
    else:
        assert put.status_code == 200
        assert _metadata(put.json()) == _metadata(posted.json())
        again = await any_app.http.get(
            f"/register/{client['client_id']}", headers=bearer(put.json())
        )
        assert _metadata(again.json()) == _metadata(put.json())


def _metadata(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in CREDENTIALS}
