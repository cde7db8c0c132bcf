"""Registrations with a software statement (RFC 7591 2.3, 3.1.1): what counts, what is refused."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from dcrserver.metadata.bounds import Bounds
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.signing import public_jwk
from harness import statements
from harness.actors import OPERATOR
from harness.application import CALLBACK, Application, application, bearer, update_of
from harness.metadata_server import metadata_server
from harness.statements import FORGERIES, ISSUER, SOFTWARE, STRICT, statement, trusting

requirement, finding = pytest.mark.requirement, pytest.mark.finding
OTHER = "https://other.example.org/cb"
_ANOTHER = "https://another-issuer.example"


async def _post(app: Application, **members: Any) -> tuple[int, dict[str, Any]]:
    answer = await app.http.post("/register", json={"redirect_uris": [CALLBACK]} | members)
    return answer.status_code, answer.json()


async def _put(app: Application, client: dict[str, Any], **changes: Any) -> Any:
    uri = client["registration_client_uri"]
    return await app.http.put(uri, json=update_of(client, **changes), headers=bearer(client))


@requirement("R7591-2.3-03", "R7591-2-18", "R7591-3.1.1-02", "R7591-3.2.1-08", "R7591-3.2.1-09")
async def test_the_claims_of_a_statement_count_and_it_is_told_as_it_was_sent(
    any_database: str, tmp_path: Path
) -> None:
    async with application(any_database, **trusting(tmp_path)) as app:
        for algorithm in statements.KEYS:
            sent = statement(algorithm, redirect_uris=[OTHER], contacts=["a@b.example"])
            client = await app.register(
                software_statement=sent,
                client_name="Evil",
                **{"client_name#fr": "Banque"},
                client_uri="https://client.example.org/",
            )
            told = {
                "software_statement": sent,
                "software_statement_issuer": ISSUER,
                "client_name": "From the statement",
                "redirect_uris": [OTHER],
                "contacts": ["a@b.example"],
                "software_id": SOFTWARE,
                "client_uri": "https://client.example.org/",
            }
            assert client | told == client
            assert "client_name#fr" not in client
            uri, by = client["registration_client_uri"], bearer(client)
            read = (await app.http.get(uri, headers=by)).json()
            assert read | told == read
            view = await app.client(client["client_id"])
            assert view.origin == "software_statement"
            (event,) = await app.events(client["client_id"])
            assert '"software_statement":{"issuer":"https://ss-issuer.example"' in event.changes


@finding("E7")
@requirement(
    "R7591-2.3-01", "R7591-2.3-02", "R7591-2.3-05", "R7591-3.1.1-03", "R7591-3.2.2-07",
    "R7591-3.2.2-08",
)  # fmt: skip
async def test_no_forged_statement_registers_anything(make_app: Any, tmp_path: Path) -> None:
    app = await make_app(**trusting(tmp_path, **STRICT))
    wrong = []
    for name, (code, make) in FORGERIES.items():
        status, told = await _post(app, software_statement=make())
        if (status, told.get("error")) != (400, code) or "client_id" in told:
            wrong.append(f"{name}: {status} {told}")
    assert not wrong, "\n".join(wrong)
    assert len(FORGERIES) >= 15
    reader = await app.admin_token("clients:read")
    assert (await app.http.get("/admin/v1/clients", headers=reader)).json()["items"] == []
    assert (await _post(app, software_statement=statement()))[0] == 201


@requirement("R7591-3.1.1-01")
async def test_a_statement_that_nobody_reads_is_ignored_and_the_preview_says_so(
    make_app: Any, tmp_path: Path
) -> None:
    app = await make_app(**trusting(tmp_path, "ignored"), registration={"validate_endpoint": True})
    client = await app.register(software_statement=statement(), client_name="Plain")
    assert client["client_name"] == "Plain"
    assert not {"software_statement", "software_statement_issuer", "software_id"} & client.keys()
    assert (await app.client(client["client_id"])).origin == "open"
    body = {"redirect_uris": [CALLBACK], "software_statement": statement()}
    told = (await app.http.post("/register/validate", json=body)).json()
    assert told["ignored"] == [
        {
            "member": "software_statement",
            "reason": "software statements are not read here (policy.statements_mode)",
        }
    ]


@requirement("POL-31")
async def test_where_one_is_required_nobody_writes_a_client_without(
    make_app: Any, tmp_path: Path
) -> None:
    app = await make_app(**trusting(tmp_path, "required"))
    for empty in ({}, {"software_statement": None}, {"software_statement": ""}):
        status, told = await _post(app, **empty)
        assert (status, told["error"]) == (400, "invalid_software_statement")
        assert "software_statement must be sent" in told["error_description"]
    admin = await app.admin_token("clients:write", "clients:read")
    body = {"metadata": {"redirect_uris": [CALLBACK]}}
    for path, sent in (("/register", body["metadata"]), ("/admin/v1/clients", body)):
        refused = await app.http.post(path, json=sent, headers=admin)
        assert refused.status_code == 400, refused.text
    sent = {"metadata": {"redirect_uris": [CALLBACK], "software_statement": statement()}}
    assert (await app.http.post("/admin/v1/clients", json=sent, headers=admin)).status_code == 201
    assert (await _post(app, software_statement=statement()))[0] == 201


async def test_who_may_write_past_the_policy_needs_no_statement_and_the_event_says_so(
    make_app: Any, tmp_path: Path
) -> None:
    app = await make_app(**trusting(tmp_path, "required"))
    scopes = ("clients:write", "clients:read")
    plain = await app.admin_token(*scopes)
    above = await app.admin_token(*scopes, "policies:override")
    body = {"metadata": {"redirect_uris": [CALLBACK]}, "policy_override": True}
    refused = await app.http.post("/admin/v1/clients", json=body, headers=plain)
    assert refused.status_code == 403, refused.text
    made = await app.http.post("/admin/v1/clients", json=body, headers=above)
    assert made.status_code == 201, made.text
    client_id = made.json()["client_id"]
    patch = {"tags": ["known"], "policy_override": True}
    merge = {"Content-Type": "application/merge-patch+json"}
    path = f"/admin/v1/clients/{client_id}"
    changed = await app.http.patch(path, json=patch, headers=above | merge)
    assert changed.status_code == 200, changed.text
    for event in await app.events(client_id):
        assert json.loads(event.changes)["without_software_statement"] is True


@finding("E8")
async def test_a_statement_is_used_once_at_all_instances(any_database: str, tmp_path: Path) -> None:
    groups = trusting(tmp_path)
    async with (
        application(any_database, **groups) as one,
        application(any_database, **groups) as two,
    ):
        sent = statement()
        refused, _ = await _post(
            one, software_statement=sent, redirect_uris=["https://a.example#x"]
        )
        assert refused == 400  # which spends nothing
        assert (await _post(one, software_statement=sent))[0] == 201
        for app in (one, two):
            status, told = await _post(app, software_statement=sent)
            assert (status, told["error"]) == (400, "invalid_software_statement")
            assert told["error_description"] == "software_statement was used before"
        raced = statement()
        apps = (one, two) * 4
        found = await asyncio.gather(*(_post(app, software_statement=raced) for app in apps))
        assert sorted(status for status, _ in found) == [201] + [400] * 7
        assert {told.get("error") for status, told in found if status == 400} == {
            "invalid_software_statement"
        }


async def test_what_may_be_used_again_may_be(make_app: Any, tmp_path: Path) -> None:
    once = await make_app(**trusting(tmp_path))
    unnamed, named = statement(jti=...), statement()
    for _ in range(2):
        assert (await _post(once, software_statement=unnamed))[0] == 201
    often = await make_app(**trusting(tmp_path, reusable=True))
    for _ in range(2):
        assert (await _post(often, software_statement=named))[0] == 201


async def test_an_update_is_bound_by_the_statement(any_database: str, tmp_path: Path) -> None:
    """RFC 7592 2.2: it is sent back; that it is not may be ignored, and so sheds no claim."""
    async with application(any_database, **trusting(tmp_path)) as app:
        client = await app.register(software_statement=statement())
        for changes in ({}, {"software_statement": ...}, {"software_statement": None}):
            answer = await _put(
                app, client, client_name="Evil", contacts=["c@d.example"], **changes
            )
            assert answer.status_code == 200, answer.text
            after = answer.json()
            assert after["client_name"] == "From the statement"
            assert after["contacts"] == ["c@d.example"]
            assert after["software_statement"] == client["software_statement"]
            assert after["software_statement_issuer"] == ISSUER
            client = client | after
        for name in ("signed by another key of the same kid", "expired", "two segments"):
            code, forged = FORGERIES[name]
            assert (await _put(app, client, software_statement=forged())).json()["error"] == code
        newer = statement(client_name="Newer")
        answer = await _put(app, client, software_statement=newer)
        after = answer.json()
        assert (after["client_name"], after["software_statement"]) == ("Newer", newer)
        status, told = await _post(app, software_statement=newer)
        assert (status, told["error_description"]) == (400, "software_statement was used before")
        client = client | after
        other = await _put(app, client, software_statement=statement(software_id="another"))
        assert other.json()["error"] == "unapproved_software_statement"
        assert (await app.client(client["client_id"])).metadata["client_name"] == "Newer"


@finding("E14")
async def test_a_client_stays_with_the_issuer_that_vouched_for_it(
    make_app: Any, tmp_path: Path
) -> None:
    """What another issuer calls by the same software_id is its own affair."""
    groups = trusting(tmp_path)
    groups["software_statements"].append(statements.entry(tmp_path) | {"issuer": _ANOTHER})
    app = await make_app(**groups)
    client = await app.register(software_statement=statement())
    theirs = statement(iss=_ANOTHER, client_name="Theirs")
    refused = await _put(app, client, software_statement=theirs)
    assert refused.json()["error"] == "unapproved_software_statement"
    assert "another issuer" in refused.json()["error_description"]
    kept = await _put(app, client)
    assert kept.json()["software_statement_issuer"] == ISSUER
    admin = await app.admin_token("clients:read", "clients:update")
    body = update_of(client, software_statement=theirs)
    answer = await app.http.put(client["registration_client_uri"], json=body, headers=admin)
    assert answer.json()["software_statement_issuer"] == _ANOTHER, answer.text


async def test_a_statement_without_kid_is_by_any_key_of_its_issuer(
    make_app: Any, tmp_path: Path
) -> None:
    """However many are on their way in or out."""
    file = tmp_path / "keys.json"
    others = [public_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()) for _ in range(9)]
    *_, own = statements.key_set()["keys"]
    file.write_text(json.dumps({"keys": [*others, own | {"kid": "last"}]}))
    groups = trusting(tmp_path)
    groups["software_statements"] = [{"issuer": ISSUER, "jwks_file": str(file)}]
    app = await make_app(**groups)
    text = statement("ES256", header={"kid": None})
    client = await app.register(software_statement=text)
    assert client["software_statement_issuer"] == ISSUER


@finding("E11")
async def test_a_statement_of_a_stranger_sheds_no_claim(make_app: Any, tmp_path: Path) -> None:
    """Where it counts as not sent, the one that is held counts."""
    groups = trusting(tmp_path)
    groups["policy"]["software_statements"] = {"unknown_issuer": "ignore"}
    app = await make_app(**groups)
    client = await app.register(software_statement=statement())
    strangers = FORGERIES["of an issuer that nobody trusts"][1]()
    answer = await _put(app, client, client_name="Evil", software_statement=strangers)
    assert answer.status_code == 200, answer.text
    for name in ("client_name", "software_id", "software_statement", "software_statement_issuer"):
        assert answer.json().get(name) == client[name], name


async def test_an_update_spends_a_new_statement_once(any_database: str, tmp_path: Path) -> None:
    async with application(any_database, **trusting(tmp_path)) as app:
        clients = [await app.register(software_statement=statement()) for _ in range(4)]
        newer = statement(client_name="Newer")
        answers = await asyncio.gather(
            *(_put(app, client, software_statement=newer) for client in clients)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


async def test_a_statement_of_before_needs_not_be_fresh_but_welcome(
    any_database: str, tmp_path: Path
) -> None:
    """What was verified is sent back by every update, however short its life was."""
    folder = tmp_path
    async with application(any_database, **trusting(folder, maximum_age=60)) as app:
        client = await app.register(software_statement=statement(exp=int(time.time()) + 1))
    old = trusting(folder, maximum_age=1, algorithms=["ES256"], clock_skew=0)
    async with application(any_database, **old) as app:
        answer = await _put(app, client)
        assert answer.status_code == 200, answer.text
        client = client | answer.json()
    blocked = trusting(folder, blocked_software_ids=[SOFTWARE])
    gone = trusting(folder, issuer="https://another.example")
    for groups in (blocked, gone):
        async with application(any_database, **groups) as app:
            for changes in ({}, {"software_statement": ...}):
                answer = await _put(app, client, **changes)
                assert answer.json()["error"] == "unapproved_software_statement"
            uri = client["registration_client_uri"]
            assert (await app.http.get(uri, headers=bearer(client))).status_code == 200


async def test_administrators_are_bound_and_may_take_a_statement_away(
    make_app: Any, tmp_path: Path
) -> None:
    app = await make_app(**trusting(tmp_path))
    admin = await app.admin_token("clients:write", "clients:read")
    sent = {"metadata": {"redirect_uris": [CALLBACK], "software_statement": statement()}}
    made = (await app.http.post("/admin/v1/clients", json=sent, headers=admin)).json()
    assert made["origin"] == "administrator"
    assert made["metadata"]["software_statement_issuer"] == ISSUER
    path = f"/admin/v1/clients/{made['client_id']}"
    merge = admin | {"Content-Type": "application/merge-patch+json"}
    renamed = await app.http.patch(path, json={"metadata": {"client_name": "Mine"}}, headers=merge)
    assert renamed.json()["metadata"]["client_name"] == "From the statement"
    forged = {"metadata": {"software_statement": FORGERIES["alg none"][1]()}}
    assert (await app.http.patch(path, json=forged, headers=merge)).status_code == 400
    gone = {"metadata": {"software_statement": None, "client_name": "Mine"}}
    after = (await app.http.patch(path, json=gone, headers=merge)).json()["metadata"]
    assert after["client_name"] == "Mine"
    assert not {"software_statement", "software_statement_issuer"} & after.keys()
    dcrm = await app.http.post("/register", json=sent["metadata"], headers=admin)
    assert dcrm.json()["error"] == "invalid_software_statement"  # it was used for the first


async def test_a_copy_of_a_client_brings_no_statement_of_its_own(
    make_app: Any, tmp_path: Path
) -> None:
    app = await make_app(**trusting(tmp_path))
    client = await app.register(software_statement=statement())
    admin = await app.admin_token("clients:write", "clients:read")
    sent = {"template": client["client_id"], "client_name": "Copy"}
    copy = await app.http.post("/register", json=sent, headers=admin)
    assert copy.status_code == 201, copy.text
    assert copy.json()["client_name"] == "Copy"
    assert "software_statement" not in copy.json()


@requirement("R7591-5-09")
async def test_an_initial_access_token_goes_with_a_statement(make_app: Any, tmp_path: Path) -> None:
    app = await make_app(**trusting(tmp_path), registration={"mode": "protected"})
    by = {"Authorization": f"Bearer {await app.initial_token(uses=1)}"}
    body = {"redirect_uris": [CALLBACK]}
    forged = body | {"software_statement": FORGERIES["alg none"][1]()}
    assert (await app.http.post("/register", json=forged, headers=by)).status_code == 400
    good = body | {"software_statement": statement()}
    made = await app.http.post("/register", json=good, headers=by)
    assert made.status_code == 201, made.text
    view = await app.client(made.json()["client_id"])
    assert view.origin == "software_statement"


async def test_members_of_administrators_come_by_a_statement_where_its_entry_says_so(
    make_app: Any, tmp_path: Path
) -> None:
    members = {"trust_mark": {"schema": {"type": "string"}}}
    for names, expected in (([], None), (["trust_mark"], "gold")):
        app = await make_app(**trusting(tmp_path, may_set=names), members=members)
        client = await app.register(software_statement=statement(trust_mark="gold"))
        assert client.get("trust_mark") == expected
        answer = await _put(app, client, trust_mark="platinum")
        assert answer.json().get("trust_mark") == expected
        plain = await app.register(trust_mark="gold")
        assert "trust_mark" not in plain


@finding("E10")
async def test_a_claim_that_says_nothing_lets_nobody_set_the_member_otherwise(
    make_app: Any, tmp_path: Path
) -> None:
    """Directories write null, or an empty text, of what they do not know."""
    members = {"trust_mark": {"schema": {"type": "string"}}}
    may_set = ["trust_mark", "skip_consent"]
    app = await make_app(**trusting(tmp_path, may_set=may_set), members=members)
    for nothing in (None, "", [], {}):
        sent = statement(trust_mark=nothing, skip_consent=nothing)
        body = {"software_statement": sent, "trust_mark": "gold", "skip_consent": True}
        status, told = await _post(app, **body)
        assert not {"trust_mark", "skip_consent"} & told.keys(), (nothing, status, told)
        client = await app.register(software_statement=statement(trust_mark=None))
        answer = await _put(app, client, trust_mark="gold", skip_consent=True)
        assert not {"trust_mark", "skip_consent"} & answer.json().keys(), answer.text


async def test_clients_are_found_by_who_vouches_for_them(make_app: Any, tmp_path: Path) -> None:
    app = await make_app(**trusting(tmp_path))
    client = await app.register(software_statement=statement())
    await app.register()
    admin = await app.admin_token("clients:read")
    for query in (
        "origin=software_statement",
        f"software_id={SOFTWARE}",
        f"metadata.software_statement_issuer={ISSUER}",
    ):
        found = (await app.http.get(f"/admin/v1/clients?{query}", headers=admin)).json()["items"]
        assert [each["client_id"] for each in found] == [client["client_id"]], query


async def test_the_preview_tells_what_a_statement_makes_of_a_registration(
    make_app: Any, tmp_path: Path
) -> None:
    app = await make_app(**trusting(tmp_path), registration={"validate_endpoint": True})

    async def preview(**members: Any) -> dict[str, Any]:
        body = {"redirect_uris": [CALLBACK]} | members
        made: dict[str, Any] = (await app.http.post("/register/validate", json=body)).json()
        return made

    sent = statement()
    told = await preview(software_statement=sent, client_name="Evil")
    assert told["acceptable"], told
    assert told["registration"]["software_statement"] == sent
    assert told["registration"]["client_name"] == "From the statement"
    assert told["changes"] == [
        {
            "member": "client_name",
            "sent": "Evil",
            "registered": "From the statement",
            "reason": "the software statement says otherwise",
        }
    ]
    assert "software_statement" not in told["defaults"]
    forged = await preview(software_statement=FORGERIES["alg none"][1]())
    assert not forged["acceptable"]
    assert forged["error"] == "invalid_software_statement"
    assert forged["issues"][0]["member"] == "software_statement"
    assert forged["registration"] is None
    assert (await _post(app, software_statement=sent))[0] == 201  # nothing was spent


@requirement("POL-32")
async def test_statements_of_strangers_can_count_as_not_sent(make_app: Any, tmp_path: Path) -> None:
    groups = trusting(tmp_path)
    groups["policy"]["software_statements"] = {"unknown_issuer": "ignore"}
    app = await make_app(**groups)
    client = await app.register(software_statement=statement(iss="https://stranger.example"))
    assert "software_statement" not in client
    assert client.get("client_name") is None
    assert (await app.client(client["client_id"])).origin == "open"


async def test_each_tenant_trusts_its_own(make_app: Any, tmp_path: Path) -> None:
    app = await make_app(
        **trusting(tmp_path),
        tenants={
            "same": {},
            "nobody": {"software_statements": []},
            "other": {"software_statements": [statements.entry(tmp_path, issuer="https://b")]},
        },
    )
    for tenant, issuer, status in (
        ("same", ISSUER, 201),
        ("nobody", ISSUER, 400),
        ("other", ISSUER, 400),
        ("other", "https://b", 201),
    ):
        body = {"redirect_uris": [CALLBACK], "software_statement": statement(iss=issuer)}
        answer = await app.http.post(f"/t/{tenant}/register", json=body)
        assert answer.status_code == status, (tenant, answer.text)
    sent = statement()  # what was used at one tenant is good at another still
    body = {"redirect_uris": [CALLBACK], "software_statement": sent}
    for path in ("/register", "/t/same/register"):
        assert (await app.http.post(path, json=body)).status_code == 201


async def test_an_import_takes_statements_that_keys_of_ours_signed_whenever_that_was(
    make_app: Any, tmp_path: Path
) -> None:
    app = await make_app(**trusting(tmp_path, "required", **STRICT))
    service, tenant = app.operations.client_import, app.runtime.default_tenant

    def judged(text: Any, **members: Any) -> tuple[Any, dict[str, Any]]:
        line = {"client_id": "there", "redirect_uris": [CALLBACK], "client_name": "Evil"}
        public = {"token_endpoint_auth_method": "none", "software_statement": text}
        told, made = service.judge(tenant, Bounds(), OPERATOR, line | public | members)
        return told, json.loads(made.record.metadata) if made else {}

    old = statement(exp=1, iat=1)
    told, registered = judged(old)
    assert registered["software_statement"] == old
    assert registered["software_statement_issuer"] == ISSUER
    assert registered["client_name"] == "From the statement"
    assert "its software statement says otherwise" in str(told.mapped)
    for name in ("alg none", "signed by another key of the same kid", "a client_secret",
                 "of software that is blocked", "of an issuer that nobody trusts"):  # fmt: skip
        told, registered = judged(FORGERIES[name][1]())
        assert not registered
        assert "software_statement must be sent" in told.refused
    lenient = await make_app(**trusting(tmp_path, **STRICT))
    service, tenant = lenient.operations.client_import, lenient.runtime.default_tenant
    told, registered = judged(FORGERIES["alg none"][1](), software_statement_issuer="mine")
    assert registered["client_name"] == "Evil"
    assert not {"software_statement", "software_statement_issuer"} & registered.keys()
    assert "the alg of software_statement is not accepted here" in str(told.dropped)


async def test_a_tenant_made_at_run_time_trusts_whom_its_administrator_names(
    make_app: Any, tmp_path: Path
) -> None:
    """By a URL, which leads nowhere inside; the files of the server are none of its business."""
    app = await make_app(policy={"statements_mode": "allowed"})
    token = await app.operations.token_administration.issue_admin_token(
        "*", NewAdminToken(("tenants:write", "tenants:read"), 60, "", ()), OPERATOR
    )
    admin = {"Authorization": f"Bearer {token}"}

    async def tried(**issuer: Any) -> Any:
        body = {"name": "made", "software_statements": [{"issuer": ISSUER} | issuer]}
        return await app.http.post("/admin/v1/tenants", json=body, headers=admin)

    refused = await tried(jwks_file=statements.entry(tmp_path)["jwks_file"])
    assert refused.status_code == 400
    assert "files are for the configuration file to name" in refused.text
    refused = await tried(jwks_uri="https://a.example", algorithms=["none"])
    assert "/software_statements/0/algorithms" in refused.text
    with metadata_server() as server:
        server.says = statements.key_set()
        made = await tried(jwks_uri=server.location)
        assert made.status_code == 201, made.text
        body = {"redirect_uris": [CALLBACK], "software_statement": statement()}
        answer = await app.http.post("/t/made/register", json=body)
        assert answer.status_code == 503, answer.text
        assert server.asked == 0
    elsewhere = await app.http.post("/register", json=body)
    assert elsewhere.json()["error"] == "unapproved_software_statement"


async def test_statements_of_the_policy_speak_of_software_statements(
    make_app: Any, tmp_path: Path
) -> None:
    """By the origin, by who vouches, by the software: a blocked one is not approved."""
    groups = trusting(tmp_path)
    refusal = {"error": "unapproved_software_statement", "description": "it is blocked"}
    groups["policy"]["statements"] = [
        {
            "name": "blocked",
            "when": {"origin": "software_statement", "software_id": "blocked-1"},
            "then": {"reject": refusal},
        },
        {
            "name": "vouched",
            "when": {"software_statement_issuer": ISSUER},
            "then": {"tag": ["vouched"]},
        },
    ]
    app = await make_app(**groups)
    status, told = await _post(app, software_statement=statement(software_id="blocked-1"))
    assert (status, told["error"]) == (400, "unapproved_software_statement")
    assert (await _post(app, software_id="blocked-1"))[0] == 201
    client = await app.register(software_statement=statement())
    assert (await app.client(client["client_id"])).tags == ["vouched"]
    assert (await app.client((await app.register())["client_id"])).tags == []
