"""/admin/v1/events: administrators read the audit trail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.errors import Forbidden
from dcrserver.names import ALL_TENANTS
from dcrserver.repositories.queries.events import ALL, NEWEST
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.audit import EventType
from dcrserver.services.audit.actors import Actor, ActorKind
from dcrserver.services.audit.reading import EventReadingService, types_in
from harness.actors import OPERATOR
from harness.administration import Administrator, administrator
from harness.application import CALLBACK, Application, bearer

# What is just written is told of only where an end is named.
LATER = "until=2999-01-01T00:00:00Z"


async def of_all(app: Application, *scopes: str) -> Administrator:
    wanted = NewAdminToken(scopes, 3600, "night shift")
    issue = app.operations.token_administration.issue_admin_token
    token = await issue(ALL_TENANTS, wanted, OPERATOR)
    return Administrator(app, {"Authorization": f"Bearer {token}"})


async def changed_clients(app: Application, number: int) -> list[str]:
    """Each is registered and deleted, by itself."""
    made = []
    for _ in range(number):
        client = await app.register()
        headers = bearer(client) | {"X-Request-Id": f"end-{client['client_id']}"}
        answer = await app.http.delete(f"/register/{client['client_id']}", headers=headers)
        assert answer.status_code == 204
        made.append(client["client_id"])
    return made


async def test_what_happened_is_listed_newest_first_and_by_what_it_is_about(
    any_app: Application,
) -> None:
    (client_id,) = await changed_clients(any_app, 1)
    admin = await administrator(any_app, "events:read")
    mine = f"/events?subject_kind=client&subject_id={client_id}"

    async def types(query: str) -> list[str]:
        return [each["type"] for each in (await admin.get(f"{mine}&{query}"))["items"]]

    both = ["client.deleted", "client.registered"]
    assert await types("") == both
    assert await types("oldest_first=true") == both[::-1]
    assert await types("type=client.") == both
    assert await types("type=client.deleted&type=signing_key.") == both[:1]
    assert await types("actor_kind=anonymous") == both[1:]
    assert await types(f"actor_id={client_id}&actor_kind=client") == both[:1]
    assert await types(f"request_id=end-{client_id}") == both[:1]
    assert await types("since=2999-01-01T00:00:00Z") == []
    assert await types("since=2020-01-01T00:00:00Z&until=2999-01-01T00:00:00Z") == both
    assert await types("until=2020-01-01") == []
    (ended, _) = (await admin.get(mine))["items"]
    assert {*ended} == {
        "id", "tenant", "type", "at", "actor", "subject", "address", "request_id", "changes",
    }  # fmt: skip
    assert ended["actor"] == {"kind": "client", "id": client_id, "name": None}
    assert ended["subject"] == {"kind": "client", "id": client_id}
    assert (ended["tenant"], ended["address"]) == ("default", "203.0.113.7")


async def test_who_did_it_by_a_token_is_told_by_its_label(any_app: Application) -> None:
    client_id = (await any_app.register())["client_id"]
    admin = await of_all(any_app, "events:read", "clients:delete")
    await admin.delete(f"/clients/{client_id}")
    (ended, _) = (await admin.get(f"/events?subject_id={client_id}"))["items"]
    assert ended["actor"]["kind"] == "administrator"
    assert ended["actor"]["name"] == "night shift"


async def test_pages_go_on_where_they_ended_whatever_is_written_meanwhile(
    any_app: Application,
) -> None:
    ids = await changed_clients(any_app, 3)
    admin = await administrator(any_app, "events:read")
    for order in ("true", "false"):
        url, seen = f"/events?limit=2&type=client.&oldest_first={order}", list[Any]()
        while url:
            answer = await admin.ask("GET", url)
            seen += answer.json()["items"]
            link = answer.headers.get("link", "").partition(">")[0].removeprefix("<")
            url = link.partition("/admin/v1")[2]
            if len(seen) == 2:
                ids += await changed_clients(any_app, 1)
        found = [each["id"] for each in seen]
        assert found == sorted(set(found), reverse=order == "false")
        of_mine = [each for each in seen if each["subject"]["id"] in ids[:3]]
        assert len(of_mine) == 6


async def test_an_export_has_everything_once_and_goes_on_after_a_line(
    any_app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcrserver.services.audit.reading._BATCH", 2)
    ids = await changed_clients(any_app, 3)
    admin = await administrator(any_app, "events:read")
    answer = await admin.ask("GET", f"/events/export?type=client.&{LATER}")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["cache-control"] == "no-store"
    told = [json.loads(line) for line in answer.text.splitlines()]
    assert [each["id"] for each in told] == sorted({each["id"] for each in told})
    assert sum(each["subject"]["id"] in ids for each in told) == 6
    middle = told[-4]["id"]
    rest = await admin.ask("GET", f"/events/export?type=client.&{LATER}&after={middle}")
    assert [json.loads(line)["id"] for line in rest.text.splitlines()] == [
        each["id"] for each in told[-3:]
    ]


async def test_an_export_leaves_what_may_not_be_all_there_yet(any_app: Application) -> None:
    (client_id,) = await changed_clients(any_app, 1)
    admin = await administrator(any_app, "events:read")
    answer = await admin.ask("GET", f"/events/export?subject_id={client_id}")
    assert answer.text == ""


async def test_only_those_of_all_tenants_see_the_events_of_all(any_app: Application) -> None:
    other = await of_all(any_app, "events:read")
    (issued,) = (await other.get("/events?all_tenants=true&type=admin_token.issued&limit=1"))[
        "items"
    ]
    assert issued["tenant"] == ALL_TENANTS
    own = await administrator(any_app, "events:read")
    for path in ("/events", "/events/export"):
        await other.ask("GET", f"{path}?all_tenants=true")
        await own.ask("GET", path)
        await own.get(f"{path}?all_tenants=true", 403)
        await own.get(f"{path}?tenant=other", 403)
        await own.get(f"{path}?tenant=*", 403)
        await other.get(f"{path}?tenant=nobody", 404)
        await (await administrator(any_app, "clients:read")).get(path, 403)


@pytest.mark.finding("V1")
async def test_no_parameter_tells_of_another_tenant(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"other": {}})
    client = (await app.http.post("/t/other/register", json={"redirect_uris": [CALLBACK]})).json()
    own, all_ = await administrator(app, "events:read"), await of_all(app, "events:read")
    theirs = (await all_.get("/events?tenant=other"))["items"]
    assert [each["subject"]["id"] for each in theirs] == [client["client_id"]]
    for query in (
        f"subject_kind=client&subject_id={client['client_id']}",
        f"request_id={theirs[0]['request_id']}", "actor_kind=anonymous", "type=client.",
    ):  # fmt: skip
        for path in ("/events?limit=500&", f"/events/export?{LATER}&"):
            answer = await own.ask("GET", path + query)
            assert client["client_id"] not in answer.text
    after = await own.ask("GET", f"/events/export?{LATER}&after={'0' * 12}-x")
    assert client["client_id"] not in after.text
    page = await all_.get("/events?tenant=other&limit=1&oldest_first=true&type=client.")
    assert page["next"] is None
    await app.http.delete(f"/t/other/register/{client['client_id']}", headers=bearer(client))
    cursor = (await all_.get("/events?tenant=other&limit=1"))["next"]
    for query in ("", "tenant=default&", "limit=1&", "type=client.&tenant=other&"):
        await all_.get(f"/events?{query}cursor={cursor}", 400)
    await own.get(f"/events?tenant=other&cursor={cursor}", 403)


@pytest.mark.finding("V2")
@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=1&limit=2", "limit"),
        ("colour=red", "colour"),
        ("sort=type", "sort"),
        ("type=client", "type"),
        ("type=client.%25", "type"),
        ("type=' OR 1=1 --", "type"),
        ("type=.", "type"),
        ("actor_kind=administrator' --", "actor_kind"),
        ("subject_kind=%", "subject_kind"),
        ("actor_id=a%00b", "actor_id"),
        ("subject_id=", "subject_id"),
        (f"request_id={'x' * 513}", "request_id"),
        ("since=yesterday", "since"),
        ("until=2026-13-01", "until"),
        (f"since={'9' * 41}", "since"),
        ("cursor=AAAA", "cursor"),
        ("cursor=' OR 1=1", "cursor"),
        ("oldest_first=perhaps", "oldest_first"),
        ("all_tenants=2", "all_tenants"),
        ("fields=secret", "fields"),
    ],
)
async def test_a_parameter_that_means_nothing_is_refused_by_its_name(
    app: Application, query: str, parameter: str
) -> None:
    admin = await administrator(app, "events:read")
    told = await admin.get(f"/events?{query}", 400)
    assert parameter in json.dumps(told)


@pytest.mark.parametrize("query", ["after=x", "after=0-x", "limit=5", "cursor=x", "fields=id",
                                   "after=' OR '1'='1", "oldest_first=true"])  # fmt: skip
async def test_an_export_takes_no_parameter_that_it_does_not_know(
    app: Application, query: str
) -> None:
    admin = await administrator(app, "events:read")
    await admin.get(f"/events/export?{query}", 400)


@pytest.mark.finding("V2")
async def test_text_of_another_language_is_only_text(any_app: Application) -> None:
    """Nothing of the kind is there; and the longest moments are moments."""
    admin = await administrator(any_app, "events:read")
    for text in ("' OR '1'='1", "%", "_", "\\", "é漢字😀", "$1", ":x", "x" * 512):
        for name in ("actor_id", "subject_id", "request_id"):
            found = await admin.get("/events", params={name: text})
            assert found == {"items": [], "next": None}
    for moment in ("0", "999999999999", "9999-12-31T23:59:59Z", "0001-01-01"):
        await admin.get("/events", params={"since": moment, "until": moment})


async def test_owners_of_clients_see_no_events(app: Application) -> None:
    service = EventReadingService(app.runtime.lists)
    owner = Actor(ActorKind.ADMINISTRATOR, "a", "default", owner="payments")
    with pytest.raises(Forbidden):
        await service.events("default", ALL, NEWEST, None, 1, owner)
    with pytest.raises(Forbidden):
        await anext(service.exported("default", ALL, None, owner))


def test_a_prefix_is_all_types_that_begin_with_it() -> None:
    assert types_in(["client."])[0] == "client.registered"
    assert "client_secret.rotated" not in types_in(["client."])
    assert types_in(["client.", "client.deleted"]) == types_in(["client."])
    assert types_in([each.value for each in EventType]) == tuple(EventType)
    assert types_in([]) == ()
