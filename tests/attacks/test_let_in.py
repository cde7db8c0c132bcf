"""Who is let in, asked of a real process: old tokens, guesses, odd numbers, ways back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.application import CALLBACK, bearer, update_of
from harness.clients import assertion, new_key, public_jwk
from harness.process import ServerProcess, serving

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    env = {
        "DCR_RATE_LIMITS__ENABLED": "true",
        "DCR_RATE_LIMITS__FAILED_AUTHENTICATION": "10/minute",
        "DCR_RATE_LIMITS__OPEN_REGISTRATION": "1000/minute",
    }
    folder: Path = tmp_path_factory.mktemp("let-in")
    with serving(folder, env=env) as made:
        yield made


@pytest.fixture
def http(server: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base_url, trust_env=False, timeout=60) as made:
        yield made


def _register(http: httpx.Client, **members: Any) -> dict[str, Any]:
    body = {
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "client_credentials"],
    }
    answer = http.post("/register", json=body | members)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.mark.finding("S10")
def test_a_thief_of_a_replaced_token_takes_nothing_over(http: httpx.Client) -> None:
    stolen = _register(http)
    where = f"/register/{stolen['client_id']}"
    body = update_of(stolen, client_secret=..., client_name="mine")
    owner = http.put(where, json=body, headers=bearer(stolen)).json()
    theirs = body | {"redirect_uris": ["https://evil.example/cb"]}
    assert http.put(where, json=theirs, headers=bearer(stolen)).status_code == 401
    assert http.delete(where, headers=bearer(stolen)).status_code == 401
    assert http.post(f"{where}/secret", headers=bearer(stolen)).status_code == 401
    assert http.get(where, headers=bearer(owner)).json()["redirect_uris"] == [CALLBACK]
    assert http.get(where, headers=bearer(stolen)).status_code == 401


@pytest.mark.finding("S4", "S12")
def test_many_guesses_at_once_are_no_more_than_many_in_turn_and_lock_nobody_out(
    server: ServerProcess, http: httpx.Client
) -> None:
    client = _register(http)
    told, url = Counter[int](), f"{server.base_url}/token"

    def guess(number: int) -> None:
        auth = (client["client_id"], f"guess {number}")
        told[httpx.post(url, data=GRANT, auth=auth, trust_env=False, timeout=60).status_code] += 1

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.keys() == {401, 429}
    assert told[401] <= 10
    right = http.post("/token", data=GRANT, auth=(client["client_id"], client["client_secret"]))
    assert right.status_code == 200


@pytest.mark.finding("S14")
def test_nobody_is_sent_to_what_anybody_registered(http: httpx.Client) -> None:
    client = _register(http, redirect_uris=["https://evil.example/cb"])
    answer = http.get("/authorize", params={"client_id": client["client_id"], "state": '"><b>'})
    assert answer.status_code == 200
    assert not {"location", "refresh"} & answer.headers.keys()
    assert "evil.example" in answer.text
    assert "<b>" not in answer.text
    assert "form-action 'none'" in answer.headers["content-security-policy"]


@pytest.mark.finding("S15")
@pytest.mark.parametrize("resource", ["javascript:alert(1)", "https://api.example.com/\n"])
def test_no_token_is_for_what_a_reader_would_run_or_misread(
    http: httpx.Client, resource: str
) -> None:
    client = _register(http)
    auth = (client["client_id"], client["client_secret"])
    answer = http.post("/token", data=GRANT | {"resource": resource}, auth=auth)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


@pytest.mark.finding("S16")
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_numbers_without_end_are_refused(
    server: ServerProcess, http: httpx.Client, claim: str
) -> None:
    key = new_key()
    client = _register(
        http, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public_jwk(key)]}
    )
    for number in (10**400, -(10**400)):
        fields = assertion(client["client_id"], key, aud=server.base_url, **{claim: number})
        answer = http.post("/token", data=GRANT | fields)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
