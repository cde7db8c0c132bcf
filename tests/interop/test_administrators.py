"""Administrators with access tokens of a real OpenID provider: node-oidc-provider."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.application import CALLBACK
from harness.node_provider import AUDIENCE, NodeProvider, private_jwks
from harness.process import ServerProcess, run_to_end, serving
from harness.waiting import until

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

# Each client is one case: what its tokens are like.
_CLIENTS: dict[str, dict[str, Any]] = {
    "ada": {"claims": {"roles": ["dcr-admins"], "name": "Ada Lovelace"}},
    "ellipse": {"alg": "ES256"},
    "pss": {"alg": "PS256"},
    "forger": {"alg": "HS256"},
    "elsewhere": {"audience": "https://other.example.com"},
    "late": {"seconds": 1},
    "bound": {"claims": {"cnf": {"jkt": "x"}}},
    "guest": {"claims": {"roles": ["guests"]}},
}


def _settings(**providers: NodeProvider) -> dict[str, str]:
    made = {
        name: {
            "issuer": provider.issuer,
            "audience": AUDIENCE,
            "algorithms": ["RS256", "ES256"],
            "clock_skew": 0,
            "roles_claim": "roles",
            "scopes": {"dcr-admins": ["administrator"]},
        }
        for name, provider in providers.items()
    }
    return {"DCR_ADMIN__PROVIDERS": json.dumps(made), "DCR_REGISTRATION__MODE": "closed"}


def _read(server: ServerProcess, token: str) -> httpx.Response:
    """A client that is not there: 404 for whoever may look."""
    return httpx.get(
        f"{server.base_url}/authorization-server/clients/nobody",
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )


def _register(server: ServerProcess, token: str) -> httpx.Response:
    return httpx.post(
        f"{server.base_url}/register",
        json={"redirect_uris": [CALLBACK]},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )


@contextmanager
def _running(folder: Path) -> Iterator[tuple[NodeProvider, ServerProcess]]:
    provider = NodeProvider(folder, _CLIENTS)
    with (
        provider.serving(private_jwks("first")),
        serving(folder, env=_settings(corp=provider)) as server,
    ):
        yield provider, server


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[NodeProvider, ServerProcess]]:
    with _running(tmp_path_factory.mktemp("provider")) as made:
        yield made


@pytest.mark.parametrize("client", ["ada", "ellipse", "guest"])
def test_its_tokens_let_in(running: tuple[NodeProvider, ServerProcess], client: str) -> None:
    provider, server = running
    assert _read(server, provider.token(client)).status_code == 404
    assert _read(server, provider.token(client, "internal_dcr_view")).status_code == 404


@pytest.mark.finding("J1")
@pytest.mark.requirement("R9068-4-06")
@pytest.mark.parametrize(
    ("client", "told"),
    [
        ("forger", "alg"),
        ("pss", "alg"),
        ("elsewhere", "audience"),
        ("bound", "cnf"),
    ],
)
def test_its_other_tokens_do_not(
    running: tuple[NodeProvider, ServerProcess], client: str, told: str
) -> None:
    provider, server = running
    answer = _read(server, provider.token(client))
    assert answer.status_code == 401
    assert told in answer.json()["error_description"]
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.finding("J1")
def test_an_expired_token_does_not(running: tuple[NodeProvider, ServerProcess]) -> None:
    provider, server = running
    token = provider.token("late")
    until(lambda: _read(server, token).status_code == 401, "the token expires")
    assert "expired" in _read(server, token).json()["error_description"]


def test_who_has_no_role_may_not(running: tuple[NodeProvider, ServerProcess]) -> None:
    """A role that nobody mapped is none; without a scope, the token is good for nothing."""
    provider, server = running
    answer = _register(server, provider.token("guest"))
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    assert _register(server, provider.token("guest", "clients:create")).status_code == 201


def _listed(server: ServerProcess, token: str, **query: str) -> httpx.Response:
    return httpx.get(
        f"{server.base_url}/admin/v1/clients",
        params=query,
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )


def test_the_api_of_administrators_is_theirs(running: tuple[NodeProvider, ServerProcess]) -> None:
    """Its refusals are problems, as it has them."""
    provider, server = running
    assert _register(server, provider.token("ada")).status_code == 201
    answer = _listed(server, provider.token("ada"))
    assert answer.status_code == 200
    assert answer.json()["items"]
    for client, scope, status in (
        ("guest", "clients:create", 403),
        ("forger", "clients:read", 401),
        ("elsewhere", "clients:read", 401),
    ):
        refused = _listed(server, provider.token(client, scope))
        assert refused.status_code == status
        assert refused.headers["content-type"] == "application/problem+json"
    # All tenants are theirs, as nothing else is configured: this one is not there.
    assert _listed(server, provider.token("ada"), tenant="nobody").status_code == 404


def test_what_was_done_is_told_of_the_person(
    running: tuple[NodeProvider, ServerProcess],
) -> None:
    provider, server = running
    answer = _register(server, provider.token("ada"))
    assert answer.status_code == 201
    with closing(sqlite3.connect(server.log_path.parent / "dcrserver.db")) as database:
        found = database.execute(
            "SELECT actor_kind, actor_id FROM events WHERE subject_id = ?",
            (answer.json()["client_id"],),
        )
        assert found.fetchall() == [("administrator", "corp:ada")]


@pytest.mark.finding("J1")
def test_another_key_and_another_issuer_let_nobody_in(
    running: tuple[NodeProvider, ServerProcess], tmp_path: Path
) -> None:
    """Also under the names of the first."""
    provider, server = running
    impostor = NodeProvider(tmp_path, _CLIENTS, issuer=provider.issuer)
    stranger = NodeProvider(tmp_path, _CLIENTS)
    with impostor.serving(private_jwks("first")), stranger.serving(private_jwks("first")):
        forged, foreign = impostor.token("ada"), stranger.token("ada")
    answer = _read(server, forged)
    assert answer.status_code == 401
    assert "signature" in answer.json()["error_description"]
    answer = _read(server, foreign)
    assert (answer.status_code, answer.json()["error_description"]) == (
        401, "the admin token is unknown or expired",
    )  # fmt: skip


def test_new_keys_count_at_once_and_old_ones_no_longer(tmp_path: Path) -> None:
    provider = NodeProvider(tmp_path, _CLIENTS)
    with serving(tmp_path, env=_settings(corp=provider)) as server:
        with provider.serving(private_jwks("first")):
            old = provider.token("ada")
            assert _read(server, old).status_code == 404
        with provider.serving(private_jwks("second")):
            assert _read(server, provider.token("ada")).status_code == 404
            assert _read(server, old).status_code == 401


def test_a_provider_that_is_away_is_no_reason_to_call_anybody_a_forger(tmp_path: Path) -> None:
    """At the start there is no key; later those that were read count on."""
    provider, keys = NodeProvider(tmp_path, _CLIENTS), private_jwks("first")
    with provider.serving(keys):
        token = provider.token("ada")
    brief = {"DCR_OUTBOUND__CACHE_SECONDS": "0.1", "DCR_OUTBOUND__CACHE_FAILURE_SECONDS": "0.1"}
    with serving(tmp_path, env=_settings(corp=provider) | brief) as server:
        answer = _read(server, token)
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        assert answer.json()["error_description"].startswith("the keys of the provider corp")
        assert int(answer.headers["retry-after"]) > 0
        with provider.serving(keys):
            until(lambda: _read(server, token).status_code == 404, "the keys are read")
        for _ in range(3):
            assert _read(server, token).status_code == 404
        assert "admin_provider_unreachable" in server.log


def test_two_providers_stand_beside_each_other(tmp_path: Path) -> None:
    first, second = NodeProvider(tmp_path, _CLIENTS), NodeProvider(tmp_path, _CLIENTS)
    with ExitStack() as stack:
        stack.enter_context(first.serving(private_jwks("a")))
        stack.enter_context(second.serving(private_jwks("b")))
        server = stack.enter_context(serving(tmp_path, env=_settings(a=first, b=second)))
        for provider in (first, second):
            assert _read(server, provider.token("ada")).status_code == 404


def test_the_configuration_says_whether_a_provider_can_be_used(tmp_path: Path) -> None:
    provider = NodeProvider(tmp_path, _CLIENTS)
    env = _settings(corp=provider) | {"DCR_DATABASE__URL": f"sqlite:///{tmp_path}/none.db"}
    with provider.serving(private_jwks("first")):
        good = run_to_end("config", "check", "--json", env=env)
    away = run_to_end("config", "check", "--json", env=env)
    assert json.loads(good.stdout)["admin_providers"] == {"corp": None}
    assert "openid-configuration" in json.loads(away.stdout)["admin_providers"]["corp"]
    assert (good.returncode, away.returncode) == (0, 1)
    assert json.loads(good.stdout)["trials"]["admin.providers.corp"]["usable"] is True
    told = run_to_end("config", "check", "--output", "table", env=env).stdout
    assert "admin.providers.corp: cannot be used: " in told
