"""One way down: no request calls from a lower layer up to a higher one."""

from __future__ import annotations

import pkgutil
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from harness.application import Application, bearer, update_of
from harness.walks import RUN_WHAT_THEY_ARE_GIVEN, walking

MACHINE = {
    "grant_types": ["client_credentials"],
    "response_types": [],
    "redirect_uris": [],
    "token_endpoint_auth_method": "client_secret_basic",
}


@pytest.fixture
async def machine(app: Application) -> dict[str, Any]:
    return await app.register(**MACHINE)


def _register(app: Application, _: dict[str, Any]) -> Awaitable[httpx.Response]:
    return app.http.post("/register", json=MACHINE | {"client_name": "new"})


def _refused(app: Application, _: dict[str, Any]) -> Awaitable[httpx.Response]:
    return app.http.post("/register", json={"redirect_uris": ["http://a.example/"]})


def _read(app: Application, client: dict[str, Any]) -> Awaitable[httpx.Response]:
    return app.http.get(client["registration_client_uri"], headers=bearer(client))


def _update(app: Application, client: dict[str, Any]) -> Awaitable[httpx.Response]:
    changed = update_of(client, client_name="other")
    return app.http.put(client["registration_client_uri"], json=changed, headers=bearer(client))


def _rotate(app: Application, client: dict[str, Any]) -> Awaitable[httpx.Response]:
    return app.http.post(f"{client['registration_client_uri']}/secret", headers=bearer(client))


def _delete(app: Application, client: dict[str, Any]) -> Awaitable[httpx.Response]:
    return app.http.delete(client["registration_client_uri"], headers=bearer(client))


def _token(app: Application, client: dict[str, Any]) -> Awaitable[httpx.Response]:
    pair = (client["client_id"], client["client_secret"])
    return app.http.post("/token", data={"grant_type": "client_credentials"}, auth=pair)


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (_register, 201),
        (_refused, 400),
        (_read, 200),
        (_update, 200),
        (_rotate, 201),
        (_delete, 204),
        (_token, 200),
    ],
)
async def test_a_request_goes_down(
    app: Application,
    machine: dict[str, Any],
    ask: Callable[[Application, dict[str, Any]], Awaitable[httpx.Response]],
    status: int,
) -> None:
    with walking() as walk:
        answer = await ask(app, machine)
    assert answer.status_code == status
    assert len(walk.files) > 10, "it is this application that was walked through"
    assert walk.upward == [], str(walk)


async def test_an_upward_call_is_seen(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the old way did: a step of the services calls the edge back."""
    from dcrserver.edge import body  # noqa: PLC0415
    from dcrserver.services.registration import judgement  # noqa: PLC0415

    monkeypatch.setattr(judgement, "loads_object", lambda _, **__: dict(body.form_pairs(b"")))
    with walking() as walk:
        await _register(app, {})
    caller = "dcrserver.services.registration.judgement.parse_object"
    assert walk.upward == [(caller, "dcrserver.edge.body.form_pairs")]


def test_who_is_no_caller_is_there() -> None:
    for name in RUN_WHAT_THEY_ARE_GIVEN:
        assert pkgutil.resolve_name(name) is not None
