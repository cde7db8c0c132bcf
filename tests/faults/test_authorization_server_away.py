"""The authorization server behind is away, or says something that cannot be meant."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import MakeApplication
from dcrserver.errors import RegistrationError
from dcrserver.metadata import validate
from dcrserver.security import SecretBox
from dcrserver.server_metadata import MEMBERS
from dcrserver.services.tenants import metadata_copies
from dcrserver.services.upkeep import readiness
from dcrserver.wiring.tenants import TenantFactory
from harness.application import CALLBACK, Application, application, settings
from harness.commands import Commands
from harness.metadata_server import DOCUMENT, MetadataServer, metadata_server
from harness.process import serving

pytestmark = pytest.mark.finding("B3")

OAUTH = "/.well-known/oauth-authorization-server"
AGE = "authorization_server_metadata_age_seconds"


@pytest.fixture
def behind() -> Iterator[MetadataServer]:
    with metadata_server() as made:
        yield made


def connected(behind: MetadataServer, seconds: float = 0.001) -> dict[str, Any]:
    """Settings by which the document is due whenever somebody asks."""
    return {
        "authorization_server": {"metadata": behind.location},
        "outbound": {"metadata_seconds": seconds},
    }


async def scopes(app: Application) -> Any:
    answer = await app.http.get(OAUTH)
    assert answer.status_code == 200
    return answer.json()["scopes_supported"]


async def test_another_instance_starts_with_the_copy(
    any_database: str, behind: MetadataServer
) -> None:
    async with application(any_database, **connected(behind)) as first:
        await first.runtime.metadata_copies.refresh()
        assert await scopes(first) == ["openid", "profile"]
        behind.status = 503
        async with application(any_database, **connected(behind)) as second:
            await second.runtime.metadata_copies.refresh()
            assert await scopes(second) == ["openid", "profile"]
            assert (await second.register(scope="profile"))["scope"] == "profile"
            ready = await second.http.get("/readyz")
            assert (ready.status_code, ready.json()["status"]) == (200, "ready")
            assert ready.json()[AGE] < 60
            scrape = (await second.http.get("/metrics")).text
            assert f'dcrserver_{AGE}{{tenant="default"}} ' in scrape


async def test_instances_learn_of_a_change_from_each_other(
    any_database: str, behind: MetadataServer
) -> None:
    """What one could read, the other takes from the database while it cannot."""
    async with (
        application(any_database, **connected(behind)) as first,
        application(any_database, **connected(behind)) as second,
    ):
        for each in (first, second):
            await each.runtime.metadata_copies.refresh()
        tag = (await second.http.get(OAUTH)).headers["etag"]
        behind.says = DOCUMENT | {"scopes_supported": ["openid", "email"]}
        await first.runtime.metadata_copies.refresh()
        behind.status = 500
        await second.runtime.metadata_copies.refresh()
        for each in (first, second):
            assert await scopes(each) == ["openid", "email"]
            assert (await each.register(scope="email"))["scope"] == "email"
        assert (await second.http.get(OAUTH)).headers["etag"] != tag


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"a": 1, "a": 2}',
        {},
        {"status": "maintenance"},
        {"issuer": "https://as.example.com"},
        {name: value for name, value in DOCUMENT.items() if name != "token_endpoint"},
        {name: value for name, value in DOCUMENT.items() if name != "scopes_supported"},
        DOCUMENT | {"issuer": "https://other.example.com"},
        DOCUMENT | {"token_endpoint": None},
        DOCUMENT | {"scopes_supported": "openid"},
        DOCUMENT | {"scopes_supported": []},
    ],
)
async def test_a_bad_answer_takes_nothing_away(
    make_app: MakeApplication, behind: MetadataServer, said: Any
) -> None:
    app = await make_app(**connected(behind))
    await app.runtime.metadata_copies.refresh()
    before = (await app.http.get(OAUTH)).text
    behind.says = said
    await app.runtime.metadata_copies.refresh()
    assert (await app.http.get(OAUTH)).text == before
    assert app.runtime.metadata_copies.problems["default"]
    behind.says = DOCUMENT
    await app.runtime.metadata_copies.refresh()
    assert not app.runtime.metadata_copies.problems


async def test_who_insists_is_believed(
    make_app: MakeApplication, behind: MetadataServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make_app(**connected(behind))
    await app.runtime.metadata_copies.refresh()
    less = {name: value for name, value in DOCUMENT.items() if name != "scopes_supported"}
    now = time.monotonic()
    for later, published in ((0, True), (3599, True), (3601, False)):
        monkeypatch.setattr(metadata_copies.time, "monotonic", lambda at=now + later: at)
        behind.says = less | {"signed_metadata": f"made at {later}"}  # what may change each time
        await app.runtime.metadata_copies.refresh()
        assert ("scopes_supported" in (await app.http.get(OAUTH)).json()) is published


async def test_who_wavers_is_not_believed(
    make_app: MakeApplication, behind: MetadataServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that says less whenever it starts has not insisted on it."""
    app = await make_app(**connected(behind))
    await app.runtime.metadata_copies.refresh()
    less = {name: value for name, value in DOCUMENT.items() if name != "scopes_supported"}
    now = time.monotonic()
    for later, said in ((0, less), (1800, b""), (3601, less), (5400, DOCUMENT), (7300, less)):
        monkeypatch.setattr(metadata_copies.time, "monotonic", lambda at=now + later: at)
        behind.says = said
        await app.runtime.metadata_copies.refresh()
        assert await scopes(app) == ["openid", "profile"]


async def test_one_instance_asks_for_all(any_database: str, behind: MetadataServer) -> None:
    settings = connected(behind, seconds=300)
    async with application(any_database, **settings) as first:
        await first.runtime.metadata_copies.refresh()
        async with application(any_database, **settings) as second:
            for each in (first, second, first, second):
                await each.runtime.metadata_copies.refresh()
            assert await scopes(second) == ["openid", "profile"]
    assert behind.asked == 1


async def test_a_copy_of_tomorrow_is_due(
    make_app: MakeApplication, behind: MetadataServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an instance whose clock was wrong: nobody must wait for that day."""
    app = await make_app(**connected(behind, seconds=300))
    with monkeypatch.context() as wrong:
        tomorrow = time.time() + 86400
        wrong.setattr(metadata_copies.time, "time", lambda: tomorrow)
        await app.runtime.metadata_copies.refresh()
    behind.says = DOCUMENT | {"scopes_supported": ["openid", "email"]}
    await app.runtime.metadata_copies.refresh()
    assert await scopes(app) == ["openid", "email"]
    await app.runtime.metadata_copies.refresh()
    assert behind.asked == 2


@pytest.mark.parametrize("value", [None, True, 1, "x", [], [1, None], [["code"]], {}, {"a": []}])
def test_no_first_document_stops_us(value: Any, sqlite_database: str) -> None:
    """Whatever its members are; what is no list of texts bounds nothing."""
    made = settings(sqlite_database, authorization_server={"metadata": "https://as.example.com"})
    for name in MEMBERS:
        document = DOCUMENT | {name: value}
        (tenant,) = TenantFactory(made, SecretBox([])).all({"default": document})
        with suppress(RegistrationError):
            validate({"redirect_uris": [CALLBACK]}, tenant.terms)


async def test_the_token_endpoint_comes_and_goes_with_the_document(
    make_app: MakeApplication, behind: MetadataServer
) -> None:
    """Ours is on where the authorization server has none."""
    behind.says = {name: value for name, value in DOCUMENT.items() if "token" not in name}
    app = await make_app(**connected(behind))
    await app.runtime.metadata_copies.refresh()
    for said, status in ((None, 200), (DOCUMENT, 404)):
        behind.says = said or behind.says
        await app.runtime.metadata_copies.refresh()
        assert (await app.http.get("/jwks")).status_code == status
        described = (await app.http.get("/openapi.json")).json()["paths"]
        assert ("/token" in described) is (status == 200)


@pytest.mark.parametrize("said", [b"", {}, {"status": "maintenance"}])
async def test_who_was_never_heard_of_is_waited_for(
    make_app: MakeApplication, behind: MetadataServer, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is guessed: no metadata, no client, and no token endpoint of our own."""
    monkeypatch.setattr(readiness, "_REMEMBERED_SECONDS", -1.0)
    behind.says = said
    app = await make_app(**connected(behind))
    await app.runtime.metadata_copies.refresh()
    wrong = {"Authorization": "Bearer wrong", "Content-Type": "application/json"}
    for answer in (
        await app.http.get(OAUTH),
        await app.http.post("/register", json={"redirect_uris": [CALLBACK]}),
        await app.http.get("/register/none", headers=wrong),
        await app.http.post("/token", data={"grant_type": "client_credentials"}),
        await app.http.get("/authorize"),
    ):
        assert answer.status_code == 503, answer.request.url
        assert answer.json()["error"] == "temporarily_unavailable"
        assert int(answer.headers["retry-after"]) > 0
    assert (await app.http.get("/register/none?access_token=x")).status_code in {401, 503}
    ready = await app.http.get("/readyz")
    assert (ready.status_code, ready.json()[AGE]) == (503, None)
    assert "never read" in ready.json()["reason"]
    assert f'{AGE}{{tenant="default"}} +Inf' in (await app.http.get("/metrics")).text
    behind.says = DOCUMENT
    await app.runtime.metadata_copies.refresh()
    assert (await app.http.get("/readyz")).status_code == 200
    assert await scopes(app) == ["openid", "profile"]


async def test_one_tenant_that_waits_is_in_nobodys_way(
    make_app: MakeApplication, behind: MetadataServer
) -> None:
    behind.status = 500
    settings = connected(behind)
    server = {"authorization_server": settings.pop("authorization_server")}
    app = await make_app(tenants={"a": server, "b": {}}, **settings)
    await app.runtime.metadata_copies.refresh()
    assert (await app.http.get("/readyz")).status_code == 200
    assert (await app.http.get(f"/t/a{OAUTH}")).status_code == 503
    assert (await app.http.get(f"/t/b{OAUTH}")).status_code == 200
    await app.register()
    behind.status = 200
    await app.runtime.metadata_copies.refresh()
    assert (await app.http.get(f"/t/a{OAUTH}")).json()["token_endpoint"].startswith("https://as.")


def test_commands_need_none_of_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    behind: MetadataServer,
) -> None:
    run = Commands(monkeypatch, capsys, f"sqlite:///{tmp_path}/cli.db")
    run("migrate")
    behind.status = 500
    monkeypatch.setenv("DCR_AUTHORIZATION_SERVER__METADATA", behind.location)
    run("token", "issue", "initial")
    run("keys", "list")
    assert "no such client" in run("client", "suspend", "none", status=1)
    file = tmp_path / "client.json"
    file.write_text(json.dumps({"redirect_uris": [CALLBACK]}))
    assert "not known yet" in run("client", "check", str(file), status=1)
    told = json.loads(run("config", "check"))
    assert told["effective"] == {"default": None}
    assert told["authorization_server_metadata"]["default"]["age_seconds"] is None
    assert "500" in told["authorization_server_metadata"]["default"]["problem"]


def test_a_client_is_checked_by_the_copy_of_the_server(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    behind: MetadataServer,
) -> None:
    """The one case in which a check looks into the database."""
    env = {"DCR_AUTHORIZATION_SERVER__METADATA": behind.location}
    with serving(tmp_path, f"sqlite:///{tmp_path}/served.db", env=env):
        pass
    monkeypatch.setenv("DCR_AUTHORIZATION_SERVER__METADATA", behind.location)
    behind.status = 500
    run = Commands(monkeypatch, capsys, f"sqlite:///{tmp_path}/served.db")
    file = tmp_path / "client.json"
    file.write_text(json.dumps({"redirect_uris": [CALLBACK], "scope": "profile pilots"}))
    told = json.loads(run("client", "check", str(file), "--json"))
    assert [each["registered"] for each in told["changes"] if each["member"] == "scope"] == [
        "profile"
    ]


def test_a_process_starts_while_it_is_away(tmp_path: Path, behind: MetadataServer) -> None:
    env = {
        "DCR_AUTHORIZATION_SERVER__METADATA": behind.location,
        "DCR_OUTBOUND__METADATA_SECONDS": "0.5",
    }
    behind.failures = 3  # ready when it was read at last
    with serving(tmp_path, env=env) as server:
        assert "authorization_server_metadata_kept" in server.log
    behind.status = 500
    with serving(tmp_path, env=env) as server:
        answer = httpx.get(f"{server.base_url}{OAUTH}", trust_env=False)
        assert answer.json()["scopes_supported"] == ["openid", "profile"]
        assert "Traceback" not in server.log
