"""Clients that would be taken for others, over HTTP: whoever writes is asked, for life."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.fetch.resolver import NameResolver
from dcrserver.metadata.bounds import Bounds
from dcrserver.metadata.catalogue import PARAMETERS
from dcrserver.metadata.roles import Role
from dcrserver.services.clients.import_runs import ImportRun
from fetch.test_ssrf import connections
from harness.actors import OPERATOR
from harness.administration import administrator
from harness.application import CALLBACK, Application, bearer, update_of

__all__ = ["connections"]  # a fixture
EVIL = "https://evil.example/cb"
FALSE = "Cl\u0430ude"  # with a Cyrillic letter
NAMES = [{"name": "Claude", "hosts": ["claude.ai"]}]


@pytest.fixture
async def app(make_app: MakeApplication) -> Application:
    return await make_app(
        policy={"protected_names": NAMES}, registration={"validate_endpoint": True}
    )


@pytest.mark.finding("N1")
async def test_a_false_name_is_refused_where_it_leads_elsewhere(app: Application) -> None:
    for name in (FALSE, "Claude", "CLAUDE", "Claude Official", "C l a u d e"):
        body = {"redirect_uris": [EVIL], "client_name": name}
        answer = await app.http.post("/register", json=body)
        assert answer.status_code == 400, name
        assert answer.json() == {
            "error": "invalid_client_metadata",
            "error_description": "client_name reads as Claude, a protected name: its redirect_uris"
            " must be on its hosts",
        }
    made = await app.register(client_name="Claude", redirect_uris=["https://claude.ai/cb"])
    assert made["client_name"] == "Claude"


@pytest.mark.finding("N6")
async def test_no_update_leads_to_a_protected_name_or_away_from_its_hosts(app: Application) -> None:
    other = await app.register(client_name="Other")
    own = f"/register/{other['client_id']}"
    changed = update_of(other, client_name=FALSE)
    assert (await app.http.put(own, json=changed, headers=bearer(other))).status_code == 400
    claude = await app.register(client_name="Claude", redirect_uris=["https://claude.ai/cb"])
    own = f"/register/{claude['client_id']}"
    changed = update_of(claude, redirect_uris=["https://claude.ai/cb", EVIL])
    assert (await app.http.put(own, json=changed, headers=bearer(claude))).status_code == 400
    renamed = update_of(claude, client_name="Other", redirect_uris=[EVIL])
    assert (await app.http.put(own, json=renamed, headers=bearer(claude))).status_code == 200


@pytest.mark.finding("N6")
async def test_administrators_are_bound_unless_they_say_otherwise(app: Application) -> None:
    admin = await administrator(app, "clients:read", "clients:create", "clients:update")
    strong = await administrator(app, "clients:create", "clients:update", "policies:override")
    body: dict[str, Any] = {"metadata": {"redirect_uris": [EVIL], "client_name": FALSE}}
    refused = (await admin.ask("POST", "/clients", 400, json=body)).json()
    assert "reads as Claude" in refused["detail"]
    await admin.ask("POST", "/clients", 403, json=body | {"policy_override": True})
    made = await strong.post("/clients", 201, json=body | {"policy_override": True})
    (event,) = await app.events(made["client_id"])
    assert json.loads(event.changes)["policy_override"] == ["protected_names"]
    # The next write is asked again, also about what it leaves as it is.
    change = {"metadata": {"software_version": "2"}}
    await admin.ask("PATCH", f"/clients/{made['client_id']}", 400, json=change)
    other = await app.register(client_name="Other")
    change = {"metadata": {"client_name#de": FALSE}}
    await admin.ask("PATCH", f"/clients/{other['client_id']}", 400, json=change)


@pytest.mark.finding("N6")
async def test_dcrm_and_imports_are_asked_too(app: Application) -> None:
    headers = await app.admin_token("clients:create", "clients:update")
    body = {"redirect_uris": [EVIL], "client_name": FALSE}
    assert (await app.http.post("/register", json=body, headers=headers)).status_code == 400
    run = ImportRun(app.operations.client_import, app.runtime.default_tenant, Bounds(), OPERATOR)
    line = {"client_id": "false-1", **body, "token_endpoint_auth_method": "none"}
    report, client = run._judged(line)  # noqa: SLF001 - a line of it
    assert client is None
    assert "reads as Claude" in str(report.refused)


@pytest.mark.finding("N3", "N5")
async def test_what_could_mislead_is_told_before(app: Application) -> None:
    body = {
        "redirect_uris": [CALLBACK], "client_name": "Cl\u0430ra",
        "logo_uri": "https://cdn.example.net/logo.png", "client_uri": "https://www.example.org/",
    }  # fmt: skip
    told = (await app.http.post("/register/validate", json=body)).json()
    assert told["acceptable"]
    warned = {each["member"]: each["reason"] for each in told["issues"]}
    assert warned["client_name"] == "mixes scripts in one word: Cyrillic and Latin"
    assert warned["logo_uri"] == "is on another domain than every redirect URI"
    assert "client_uri" not in warned


@pytest.mark.finding("N3", "N5")
async def test_or_refused(make_app: MakeApplication) -> None:
    policy = {"text": {"mixed_scripts": "reject"}, "uris": {"foreign_domain": "reject"}}
    app = await make_app(policy=policy)
    for more in ({"client_name": "Cl\u0430ra"}, {"logo_uri": "https://cdn.example.net/logo.png"}):
        body = {"redirect_uris": [CALLBACK], **more}
        answer = await app.http.post("/register", json=body)
        assert answer.status_code == 400, more
        assert answer.json()["error"] == "invalid_client_metadata"
    await app.register(client_name="Клара", logo_uri="https://cdn.example.org/logo.png")


@pytest.mark.finding("N6")
async def test_administrators_and_authorization_servers_are_told_what_is_verified(
    make_app: MakeApplication,
) -> None:
    policies = {"free": {}, "names": {"protected_names": NAMES}}
    app = await make_app(policies=policies)
    admin = await administrator(app, "clients:read", "clients:create", "clients:update")
    made = await app.register(
        redirect_uris=[CALLBACK, "https://other.example/cb"], client_name=FALSE,
        logo_uri="https://cdn.example.net/logo.png", verified_facts={"origin": "administrator"},
    )  # fmt: skip
    found = (await admin.get(f"/clients/{made['client_id']}"))["verified_facts"]
    assert found == {
        "origin": "open", "statement_issuer": None,
        "redirect_hosts": ["client.example.org", "other.example"],
        "first_seen_at": found["first_seen_at"], "flags": ["mixed_scripts", "foreign_domain"],
    }  # fmt: skip
    url = f"/authorization-server/clients/{made['client_id']}"
    answer = await app.http.get(url, headers=admin.headers)
    told = answer.json()["verified_facts"]
    assert told == found | {"first_seen_at": made["client_id_issued_at"]}
    strong = await administrator(app, "clients:read", "clients:create", "policies:override")
    body = {"metadata": {"redirect_uris": [EVIL], "client_name": "Claude"}, "policy": "names"}
    false = await strong.post("/clients", 201, json=body | {"policy_override": True})
    found = (await admin.get(f"/clients/{false['client_id']}"))["verified_facts"]
    assert (found["origin"], found["flags"]) == ("administrator", ["protected_name"])


@pytest.mark.finding("T1", "N5")
async def test_no_page_and_no_logo_is_ever_fetched(
    make_app: MakeApplication, connections: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither when a client registers, nor when somebody looks at it, whatever is switched on; not
    even their names are looked up.
    """
    asked: list[str] = []

    async def addresses(_: object, host: str, *_a: object, **_k: object) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    monkeypatch.setattr(NameResolver, "addresses", addresses)
    policy = {"jwks": {"eager_fetch": True}, "protected_names": NAMES}
    app = await make_app(policy=policy, registration={"validate_endpoint": True})
    admin = await administrator(app, "clients:read", "clients:update")
    shown = [row.name for row in PARAMETERS.values() if row.role in {Role.PAGE, Role.IMAGE}]
    pages = {name: f"https://pages.example.net/{name}" for name in shown}
    pages |= {f"{name}#de": url for name, url in pages.items()}
    body = {"redirect_uris": [CALLBACK], "client_name": "Other", **pages}
    connections.clear()
    assert (await app.http.post("/register/validate", json=body)).status_code == 200
    made = await app.register(**body)
    assert made["logo_uri#de"] == pages["logo_uri#de"]
    await admin.get(f"/clients/{made['client_id']}")
    change = {"metadata": {"logo_uri": pages["logo_uri"] + "?2"}}
    await admin.ask("PATCH", f"/clients/{made['client_id']}", json=change)
    url = f"/authorization-server/clients/{made['client_id']}"
    assert (await app.http.get(url, headers=admin.headers)).status_code == 200
    assert (connections, asked) == ([], [])
