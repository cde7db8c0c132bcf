"""A running dcrserver and a real Keycloak: what is true here is true there, at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from harness.clients import new_key, public_jwk
from harness.keycloak import (
    ACCOUNT,
    ACCOUNT_SECRET,
    OTHER_REALM,
    REALM,
    ROTATING_REALM,
    Keycloak,
)
from harness.keycloak_administrator import Administrator
from harness.long_run import only_long
from harness.process import ServerProcess, run_to_end, serving
from harness.signing_in import Program, Refused, sign_in, subject, tokens
from harness.targets import encryption_key

pytestmark = [only_long, pytest.mark.timeout(600)]

CALLBACK, ELSEWHERE = "https://client.example.org/cb", "https://client.example.org/elsewhere"
METHODS = ["client_secret_basic", "private_key_jwt", "none"]
# Tenants are called as their realms are.
TENANTS = [REALM, OTHER_REALM, ROTATING_REALM]


@pytest.fixture(scope="module")
def dcrserver(
    server: Keycloak, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    target = {
        "kind": "keycloak", "url": server.url, "realm": "{tenant}", "tenants": TENANTS,
        "client_id": ACCOUNT, "client_secret": ACCOUNT_SECRET, "timeout": 60,
    }  # fmt: skip
    settings = {
        "DCR_CONNECTORS": json.dumps({"front": target}),
        "DCR_TENANTS": json.dumps({name: {} for name in TENANTS}),
        "DCR_SECRETS__ENCRYPTION_KEYS": json.dumps([encryption_key().get_secret_value()]),
        "DCR_AUTHORIZATION_SERVER__TOKEN_ENDPOINT": server.endpoint("token"),
        "DCR_AUTHORIZATION_SERVER__TOKEN_ENDPOINT_AUTH_METHODS_SUPPORTED": json.dumps(METHODS),
        "DCR_AUTHORIZATION_SERVER__SCOPES_SUPPORTED": json.dumps(["openid", "email", "nowhere"]),
        "DCR_POLICY__SECRETS__OVERLAP": "600",
    }
    with serving(tmp_path_factory.mktemp("front"), env=settings) as running:
        yield running


@pytest.fixture
def call(dcrserver: ServerProcess) -> Iterator[Callable[..., Any]]:
    """Asks a tenant; the answer must have the status that is named."""
    url = f"sqlite:///{dcrserver.log_path.parent}/dcrserver.db"
    issued = run_to_end(
        "token", "issue", "admin", "--role", "administrator", "--tenant", "*",
        env={"DCR_DATABASE__URL": url},
    )  # fmt: skip
    issued.check_returncode()
    with httpx.Client(base_url=f"{dcrserver.base_url}/t", trust_env=False, timeout=60) as http:

        def ask(
            method: str, path: str, status: int, json: Any = None, token: str | None = None
        ) -> Any:
            headers = {"Authorization": f"Bearer {token or issued.stdout.strip()}"}
            answer = http.request(method, path, json=json, headers=headers)
            assert answer.status_code == status, answer.text
            return answer.json() if answer.content else None

        yield ask


def refused(server: Keycloak, program: Program, words: str) -> None:
    with pytest.raises(Refused, match=words):
        sign_in(server, program)


@pytest.mark.parametrize("method", METHODS)
def test_the_life_of_a_client_is_true_at_both_servers(
    server: Keycloak, call: Callable[..., Any], admin: Administrator, method: str
) -> None:
    key, members = new_key("ES256"), {}
    if method == "private_key_jwt":
        members["jwks"] = {"keys": [public_jwk(key, kid="k")]}
    body = {
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": method, "client_name": "Life",
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid email", **members,
    }  # fmt: skip
    made = call("POST", f"/{REALM}/register", 201, body)
    path = f"/{REALM}/register/{made['client_id']}"
    client = f"/{REALM}/admin/v1/clients/{made['client_id']}"
    proof: dict[str, Any] = {"secret": made.get("client_secret", "")}
    if method == "private_key_jwt":
        proof = {"key": key, "kid": "k"}
    program = Program(made["client_id"], **proof)
    assert sign_in(server, program, "openid email")

    token = made["registration_access_token"]
    changed = call("PUT", path, 200, body | {
        "client_id": made["client_id"], "redirect_uris": [ELSEWHERE],
    }, token)  # fmt: skip
    assert changed["redirect_uris"] == [ELSEWHERE]
    refused(server, program, "redirect_uri")
    program = Program(made["client_id"], redirect_uri=ELSEWHERE, **proof)
    first = sign_in(server, program)

    call("POST", f"{client}/suspend", 200)
    refused(server, program, "disabled")
    assert subject(server, first["access_token"]) is None
    call("POST", f"{client}/resume", 200)
    assert sign_in(server, program)

    token = changed.get("registration_access_token", token)
    call("DELETE", path, 204, token=token)
    refused(server, program, "not found")
    assert admin.client(made["client_id"]) is None


@pytest.mark.parametrize("realm", [REALM, ROTATING_REALM])
def test_a_secret_is_rotated_at_both_servers(
    server: Keycloak, call: Callable[..., Any], realm: str
) -> None:
    """The one before works on where the realm has a policy for that, and nowhere else."""
    body = {"grant_types": ["client_credentials"]}
    made = call("POST", f"/{realm}/register", 201, body)

    def works(secret: str) -> bool:
        program = Program(made["client_id"], secret, realm=realm)
        try:
            return bool(tokens(server, program, grant_type="client_credentials"))
        except Refused:
            return False

    path = f"/{realm}/admin/v1/clients/{made['client_id']}/secrets"
    secrets = [made["client_secret"]]
    assert works(secrets[0])
    secrets.append(call("POST", path, 201)["client_secret"])
    assert [works(each) for each in secrets] == [realm == ROTATING_REALM, True]
    secrets.append(call("POST", path, 201)["client_secret"])
    assert [works(each) for each in secrets] == [False, realm == ROTATING_REALM, True]


@pytest.mark.parametrize("members", [
    {"client_name": "${client_account}"},
    {"scope": "openid nowhere"},
    {"redirect_uris": ["https://client.example.org/*"]},
])  # fmt: skip
def test_what_keycloak_would_not_do_is_refused_to_the_client(
    call: Callable[..., Any], admin: Administrator, members: dict[str, Any]
) -> None:
    """In a realm with few clients: listing them takes Keycloak long."""
    before = admin.call("GET", f"/{OTHER_REALM}/clients?max=1000")
    told = call("POST", f"/{OTHER_REALM}/register", 400, {"redirect_uris": [CALLBACK]} | members)
    assert told["error"] in {"invalid_client_metadata", "invalid_redirect_uri"}
    assert next(iter(members)) in told["error_description"]
    assert admin.call("GET", f"/{OTHER_REALM}/clients?max=1000") == before


def test_what_is_answered_is_what_keycloak_has(call: Callable[..., Any]) -> None:
    made = call("POST", f"/{REALM}/register", 201, {
        "redirect_uris": [CALLBACK], "default_max_age": 60,
    })  # fmt: skip
    assert "default_max_age" not in made
    assert {"openid", "profile", "email"} <= set(made["scope"].split())


def test_a_client_of_somebody_else_is_not_taken_over(
    call: Callable[..., Any], admin: Administrator
) -> None:
    foreign = f"foreign-{id(admin)}"
    admin.make(clientId=foreign, name="Foreign")
    body = {"client_id": foreign, "metadata": {"redirect_uris": [CALLBACK]}}
    told = call("POST", f"/{REALM}/admin/v1/clients", 400, body)
    assert "client_id" in json.dumps(told)
    there = admin.client(foreign)
    assert there
    assert there["name"] == "Foreign"
