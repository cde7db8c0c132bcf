"""Registration under the paths and names of Asgardeo's API; each defect of theirs is a test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from conftest import MakeApplication
from dcrserver.errors import Unavailable
from dcrserver.repositories.idempotency_keys import IdempotencyKeyRepository
from dcrserver.services.access.admin_tokens import NewAdminToken
from dcrserver.services.access.scopes import ALIASES
from harness.actors import OPERATOR
from harness.application import Application, application
from harness.clients import new_key, public_jwk

PATH = "/api/identity/oauth2/dcr/v1.1/register"
ENABLED = {"asgardeo": {"enabled": True}}
# Ours for the four that a token of theirs has.
THEIR_SCOPES = (
    "internal_dcr_create",
    "internal_dcr_view",
    "internal_dcr_update",
    "internal_dcr_delete",
)
SCOPES = tuple(ALIASES[scope] for scope in THEIR_SCOPES)
REDIRECTS = {"redirect_uris": ["https://client.example.org/cb"]}
SECRET = "Fz3-kQ9xW1~vB7.mT5_pL2:hJ4"


class Asgardeo:
    """Their API of one tenant, as an administrator calls it; names are of one test."""

    def __init__(self, app: Application, headers: dict[str, str], path: str = PATH) -> None:
        self.app, self.headers, self.path = app, headers, path
        self._prefix = f"{time.time_ns():x}"

    def name(self, name: str) -> str:
        return f"{name} {self._prefix}"

    async def create(self, name: str = "App", **members: Any) -> httpx.Response:
        body = REDIRECTS | {"client_name": self.name(name)} | members
        sent = {key: value for key, value in body.items() if value is not ...}
        return await self.app.http.post(self.path, json=sent, headers=self.headers)

    async def made(self, name: str = "App", **members: Any) -> dict[str, Any]:
        answer = await self.create(name, **members)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def refused(self, name: str = "Refused", **members: Any) -> dict[str, Any]:
        answer = await self.create(name, **members)
        assert answer.status_code == 400, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def find(self, name: str) -> httpx.Response:
        query = {"client_name": self.name(name)}
        return await self.app.http.get(self.path, params=query, headers=self.headers)

    async def read(self, client_id: str) -> httpx.Response:
        return await self.app.http.get(f"{self.path}/{client_id}", headers=self.headers)

    async def put(self, client_id: str, /, **members: Any) -> httpx.Response:
        url = f"{self.path}/{client_id}"
        return await self.app.http.put(url, json=members, headers=self.headers)

    async def delete(self, client_id: str) -> httpx.Response:
        return await self.app.http.delete(f"{self.path}/{client_id}", headers=self.headers)


@pytest.fixture
async def api(any_database: str) -> AsyncIterator[Asgardeo]:
    async with application(any_database, **ENABLED) as app:
        yield Asgardeo(app, await app.admin_token(*SCOPES))


@pytest.fixture
async def one(sqlite_database: str) -> AsyncIterator[Asgardeo]:
    """On one database, where no state is involved that another would keep differently."""
    async with application(sqlite_database, **ENABLED) as app:
        yield Asgardeo(app, await app.admin_token(*SCOPES))


# ---- the documented operations -------------------------------------------------------------


async def test_a_client_is_created_found_read_replaced_and_deleted(api: Asgardeo) -> None:
    made = await api.made("Life", grant_types=["authorization_code", "refresh_token"])
    client_id, uri = made["client_id"], f"/{made['client_id']}"
    assert made["client_secret"]
    assert made["client_secret_expires_at"] == 0
    found = await api.find("Life")
    assert found.status_code == 200
    read = await api.read(client_id)
    assert read.json() == found.json()
    assert read.headers["cache-control"] == "no-store"
    changed = await api.put(client_id, **REDIRECTS, client_name=api.name("Renamed"))
    assert changed.status_code == 200, changed.text
    assert changed.json()["client_name"] == api.name("Renamed")
    assert (await api.find("Life")).status_code == 404
    assert (await api.delete(client_id)).status_code == 204
    assert (await api.read(client_id)).status_code == 404
    assert (await api.delete(client_id)).status_code == 404
    assert (await api.find("Renamed")).status_code == 404
    again = await api.made("Life")
    assert again["client_id"] not in uri


async def test_their_members_are_ours_by_another_name(api: Asgardeo) -> None:
    expires = int(time.time()) + 3600
    client_id = f"chosen_{api.name('x').split()[1]}"
    theirs = {
        "ext_application_display_name": "Display",
        "ext_application_owner": "alice",
        "ext_application_version": "v1.0.0",
        "ext_application_token_lifetime": 60,
        "ext_user_token_lifetime": 120,
        "ext_refresh_token_lifetime": 86400,
        "ext_id_token_lifetime": 300,
        "ext_pkce_mandatory": True,
        "ext_pkce_support_plain": False,
        "ext_public_client": False,
        "ext_token_type": "Default",
        "ext_allowed_audience": "organization",
        "is_management_app": False,
    }
    chosen = {
        "ext_param_client_id": client_id,
        "ext_param_client_secret": SECRET,
        "ext_param_client_secret_expires_at": expires,
    }
    made = await api.made("Members", url="https://client.example.org/", **theirs, **chosen)
    assert theirs.items() <= made.items()
    assert (made["client_id"], made["client_secret"]) == (client_id, SECRET)
    assert made["client_secret_expires_at"] == expires
    assert made["client_uri"] == "https://client.example.org/"
    assert not made.keys() & {*chosen, "require_pkce", "owner", "access_token_format"}
    admin = await api.app.admin_token("clients:read")
    ours = (await api.app.http.get(f"/register/{client_id}", headers=admin)).json()
    assert ours["client_credentials_access_token_lifetime"] == 60
    assert ours["authorization_code_access_token_lifetime"] == 120
    assert ours["require_pkce"] is True
    assert (ours["access_token_format"], ours["owner"]) == ("opaque", "alice")
    assert (ours["role_audience"], ours["application_version"]) == ("organization", "v1.0.0")


async def test_token_lifetimes_and_formats_are_honoured(one: Asgardeo) -> None:
    made = await one.made(
        "Machine", redirect_uris=[], grant_types=["client_credentials"],
        ext_application_token_lifetime=77, token_type_extension="JWT",
    )  # fmt: skip
    assert (made["ext_application_token_lifetime"], made["ext_token_type"]) == (77, "JWT")
    pair = (made["client_id"], made["client_secret"])
    granted = await one.app.http.post(
        "/token", data={"grant_type": "client_credentials"}, auth=pair
    )
    assert granted.json()["expires_in"] == 77
    assert granted.json()["access_token"].count(".") == 2
    unset = await one.made("Unset", ext_application_token_lifetime=0)
    assert "ext_application_token_lifetime" not in unset


async def test_a_template_is_named_by_its_name_or_its_client_id(one: Asgardeo) -> None:
    template = await one.made("Template", ext_pkce_mandatory=True, contacts=["a@example.org"])
    for named in (one.name("Template"), template["client_id"]):
        made = await one.made(f"Of {len(named)}", ext_param_sp_template=named)
        assert made["ext_pkce_mandatory"] is True
        assert made["contacts"] == ["a@example.org"]
    told = await one.refused(ext_param_sp_template="nothing like that")
    assert (
        "ext_param_sp_template must be the client_id of a client, or the name of one"
        in told["error_description"]
    )


async def test_a_secret_that_expired_before_it_was_chosen_is_refused(one: Asgardeo) -> None:
    told = await one.refused(ext_param_client_secret_expires_at=1)
    assert told["error_description"] == "ext_param_client_secret_expires_at is in the past"


async def test_a_weak_chosen_secret_is_refused(one: Asgardeo) -> None:
    told = await one.refused(ext_param_client_secret="secretsecretsecretsecret")
    assert told["error_description"].startswith("ext_param_client_secret is too easily guessed")


async def test_a_member_that_is_sent_by_two_names_must_say_one_thing(one: Asgardeo) -> None:
    told = await one.refused(ext_pkce_mandatory=True, require_pkce=False)
    assert told["error_description"] == "require_pkce and ext_pkce_mandatory must say the same"
    assert (await one.create("Same", ext_pkce_mandatory=True, require_pkce=True)).is_success


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"ext_token_type": "Opaque"}, "ext_token_type must be JWT or Default"),
        ({"ext_pkce_mandatory": "yes"}, "ext_pkce_mandatory must be true or false"),
        ({"ext_allowed_audience": "everybody"}, "ext_allowed_audience"),
        ({"ext_application_token_lifetime": False}, "ext_application_token_lifetime"),
        ({"ext_id_token_lifetime": -1}, "ext_id_token_lifetime"),
        ({"ext_param_client_id": "no/slash"}, "ext_param_client_id must be 1 to 128 letters"),
        ({"client_name": ...}, "client_name is required"),
        ({"client_name": ""}, "client_name is required"),
        ({"client_name": 5}, "client_name is required"),
    ],
)
async def test_mistakes_are_told_by_the_names_that_were_sent(
    one: Asgardeo, members: dict[str, Any], told: str
) -> None:
    answer = await one.refused(**members)
    assert told in answer["error_description"]
    assert answer["error"] == "invalid_client_metadata"
    assert answer.keys() == {"error", "error_description", "traceId"}


# ---- who may, and where --------------------------------------------------------------------


async def test_each_operation_needs_its_scope(one: Asgardeo) -> None:
    made, http = await one.made("Scopes"), one.app.http
    uri, body = f"{PATH}/{made['client_id']}", REDIRECTS | {"client_name": one.name("Scopes")}
    calls = {
        "clients:create": ("POST", PATH, body | {"client_name": one.name("Other")}),
        "clients:read": ("GET", uri, None),
        "clients:update": ("PUT", uri, body),
        "clients:delete": ("DELETE", uri, None),
    }
    for scope, (method, path, sent) in calls.items():
        others = await one.app.admin_token(*(each for each in SCOPES if each != scope))
        refused = [(None, 401), (others, 403)]
        refused += [({"Authorization": f"Bearer {text}"}, 401) for text in ("adm_none", "iat_none")]
        for headers, status in refused:
            answer = await http.request(method, path, json=sent, headers=headers)
            assert answer.status_code == status, (scope, answer.text)
            assert answer.json().keys() == {"error", "error_description", "traceId"}
            assert answer.json()["traceId"] == answer.headers["x-request-id"]
            assert answer.headers["www-authenticate"].startswith("Bearer realm=")
        own = await one.app.admin_token(scope)
        assert (await http.request(method, path, json=sent, headers=own)).is_success


async def test_an_owner_sees_and_changes_own_clients_only(one: Asgardeo) -> None:
    scopes = ("clients:create", "clients:read", "clients:update", "clients:delete")
    administration = one.app.operations.token_administration
    token = await administration.issue_admin_token(
        "default", NewAdminToken(scopes, 3600, "", owner="bob"), OPERATOR
    )
    bob = Asgardeo(one.app, {"Authorization": f"Bearer {token}"})
    others = await one.made("Alice's", ext_application_owner="alice")
    own = await bob.made("Bob's")
    assert own["ext_application_owner"] == "bob"
    for answer in (await bob.read(others["client_id"]), await bob.delete(others["client_id"]),
                   await bob.put(others["client_id"], **REDIRECTS, client_name="x")):  # fmt: skip
        assert answer.status_code == 404
    query = {"client_name": one.name("Alice's")}
    assert (await one.app.http.get(PATH, params=query, headers=bob.headers)).status_code == 404
    told = await bob.refused("Taken", ext_application_owner="alice")
    assert "ext_application_owner must be the one" in told["error_description"]


async def test_paths_are_there_for_tenants_that_switch_them_on(make_app: MakeApplication) -> None:
    app = await make_app(asgardeo={"enabled": True}, tenants={"on": {}, "off": {"asgardeo": False}})
    administration = app.operations.token_administration
    token = await administration.issue_admin_token("*", NewAdminToken(SCOPES, 3600, ""), OPERATOR)
    headers = {"Authorization": f"Bearer {token}"}
    made = await Asgardeo(app, headers, f"/t/on{PATH}").made()
    assert made["registration_client_uri"].startswith("https://server.example.com/t/on/register/")
    assert (await Asgardeo(app, headers, f"/t/off{PATH}").create()).status_code == 404
    # The same name is free elsewhere, and what is of another tenant is not there.
    root = Asgardeo(app, headers)
    assert (await root.read(made["client_id"])).status_code == 404
    query = {"client_name": made["client_name"]}
    assert (await app.http.get(PATH, params=query, headers=headers)).status_code == 404
    assert (await root.create(client_name=made["client_name"])).status_code == 201


async def test_nothing_is_there_unless_it_is_switched_on(app: Application) -> None:
    headers = await app.admin_token(*SCOPES)
    assert (await Asgardeo(app, headers).create()).status_code == 404
    paths = (await app.http.get("/openapi.json")).json()["paths"]
    assert not [path for path in paths if path.startswith("/api/")]


async def test_one_tenant_can_have_them_alone(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"on": {"asgardeo": {"enabled": True}}})
    administration = app.operations.token_administration
    token = await administration.issue_admin_token("*", NewAdminToken(SCOPES, 3600, ""), OPERATOR)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await Asgardeo(app, headers, f"/t/on{PATH}").create()).status_code == 201
    assert (await Asgardeo(app, headers).create()).status_code == 404
    paths = (await app.http.get("/openapi.json")).json()["paths"]
    assert PATH in paths


async def test_a_tenant_that_is_made_at_run_time_has_them(own_database: str) -> None:
    async with application(own_database) as app:
        wanted = NewAdminToken((*SCOPES, "tenants:write"), 3600)
        administration = app.operations.token_administration
        token = await administration.issue_admin_token("*", wanted, OPERATOR)
        headers = {"Authorization": f"Bearer {token}"}
        body = {"name": "acme", "asgardeo": {"enabled": True}}
        made = await app.http.post("/admin/v1/tenants", json=body, headers=headers)
        assert made.status_code == 201, made.text
        client = await Asgardeo(app, headers, f"/t/acme{PATH}").made()
        assert "/t/acme/register/" in client["registration_client_uri"]
        assert (await Asgardeo(app, headers).create()).status_code == 404


# ---- names ---------------------------------------------------------------------------------


async def test_a_name_is_of_one_client(api: Asgardeo) -> None:
    made = await api.made("Unique")
    taken = await api.create("Unique")
    assert taken.status_code == 409
    assert taken.json()["error"] == "invalid_client_metadata"
    assert taken.json()["error_description"] == "another client has this client_name"
    # By any path, and to the letter.
    assert (await api.app.register(client_name=api.name("Unique")))["client_id"]
    assert (await api.create("unique")).status_code == 201
    other = await api.made("Other")
    renamed = await api.put(other["client_id"], **REDIRECTS, client_name=api.name("Unique"))
    assert renamed.status_code == 409
    assert (await api.read(other["client_id"])).json()["client_name"] == api.name("Other")
    kept = await api.put(made["client_id"], **REDIRECTS, client_name=api.name("Unique"))
    assert kept.status_code == 200, kept.text


async def made_elsewhere(api: Asgardeo, name: str) -> dict[str, Any]:
    """By an administrator, where names are of as many as come."""
    body = REDIRECTS | {"client_name": api.name(name)}
    answer = await api.app.http.post("/register", json=body, headers=api.headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.mark.finding("E12")
async def test_a_stranger_s_client_is_found_by_no_name(api: Asgardeo) -> None:
    """Anybody may register a client by any name, and a program would use what it finds."""
    stranger = await api.app.register(client_name=api.name("Portal"))
    assert (await api.find("Portal")).status_code == 404
    ours = await api.made("Portal")
    await api.app.register(client_name=api.name("Portal"))
    found = await api.find("Portal")
    assert found.json()["client_id"] == ours["client_id"], found.text
    # By its client_id an administrator has it as ever.
    assert (await api.read(stranger["client_id"])).json()["client_name"] == api.name("Portal")


async def test_who_shares_a_name_may_keep_it(api: Asgardeo) -> None:
    """Names of clients that came by other paths are no keys; a change of one of them is none."""
    made = [await made_elsewhere(api, "Shared") for _ in range(3)]
    for client in made:
        kept = await api.put(client["client_id"], **REDIRECTS, client_name=client["client_name"])
        assert kept.status_code == 200, kept.text
    assert (await api.create("Shared")).status_code == 409


async def test_a_client_that_was_made_is_told_whatever_becomes_of_the_name(
    api: Asgardeo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The secret is shown once: no fault after the commit may take the answer's place."""

    async def away(*_: object) -> None:
        raise Unavailable("the database is away")

    real = IdempotencyKeyRepository.forget
    calls = 0

    async def once(repository: IdempotencyKeyRepository, *given: Any) -> None:
        nonlocal calls
        calls += 1
        await (real if calls == 1 else away)(repository, *given)

    monkeypatch.setattr(IdempotencyKeyRepository, "forget", once)
    assert (await api.create("Told")).status_code == 201
    assert calls == 2


async def test_of_many_who_want_a_name_at_once_one_gets_it(api: Asgardeo) -> None:
    answers = await asyncio.gather(*(api.create("Raced") for _ in range(8)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201, *[409] * 7]
    (made,) = [answer.json() for answer in answers if answer.status_code == 201]
    assert (await api.find("Raced")).json()["client_id"] == made["client_id"]


async def test_a_name_is_free_again_after_a_refusal(api: Asgardeo) -> None:
    await api.refused("Freed", redirect_uris=["http://client.example.org/cb"])
    assert (await api.create("Freed")).status_code == 201


async def test_whoever_died_with_a_name_keeps_it_for_a_minute(
    api: Asgardeo, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, tenant = api.app.runtime.client_names, api.app.runtime.default_tenant
    async with names.kept(tenant, api.name("Dead")):
        assert (await api.create("Dead")).status_code == 409
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 61)
        api.headers = await api.app.admin_token(*SCOPES)
        async with names.kept(tenant, api.name("Dead")):
            pass
        assert (await api.create("Dead")).status_code == 201
    assert (await api.create("Dead")).status_code == 409


async def test_a_name_that_several_have_finds_none_of_them(api: Asgardeo) -> None:
    for _ in range(2):
        await made_elsewhere(api, "Copies")
    answer = await api.find("Copies")
    assert answer.status_code == 400
    assert "several clients have this client_name" in answer.json()["error_description"]


async def test_an_identifier_is_of_one_client(api: Asgardeo) -> None:
    client_id = f"taken_{api.name('x').split()[1]}"
    await api.made("First", ext_param_client_id=client_id)
    answer = await api.create("Second", ext_param_client_id=client_id)
    assert answer.status_code == 409
    assert answer.json()["error_description"].startswith("ext_param_client_id is that of another")


@pytest.mark.parametrize("query", ["", "?client_name=", "?client_name=a&client_name=b", "?name=a"])
async def test_a_look_up_needs_one_name(one: Asgardeo, query: str) -> None:
    answer = await one.app.http.get(f"{PATH}{query}", headers=one.headers)
    assert answer.status_code == 400
    assert "exactly one client_name" in answer.json()["error_description"]


# ---- their defects -------------------------------------------------------------------------


async def test_several_redirect_uris_come_back_as_they_were_sent(one: Asgardeo) -> None:
    """https://github.com/wso2/product-is/issues/27851: one regexp=(...) came back."""
    uris = ["https://client.example.org/a", "https://client.example.org/b?x=(y.z)"]
    made = await one.made("Uris", redirect_uris=uris)
    assert made["redirect_uris"] == uris
    assert (await one.read(made["client_id"])).json()["redirect_uris"] == uris


async def test_what_an_answer_tells_can_be_sent_back(one: Asgardeo) -> None:
    made = await one.made(
        "Round", ext_application_owner="alice", ext_token_type="JWT", ext_pkce_mandatory=True,
        contacts=["a@example.org"], post_logout_redirect_uris=["https://client.example.org/out"],
    )  # fmt: skip
    read = (await one.read(made["client_id"])).json()
    again = await one.put(made["client_id"], **read)
    assert again.status_code == 200, again.text
    assert again.json() == read
    all_of_it = await one.put(made["client_id"], **made)
    assert all_of_it.json() == read


async def test_a_rename_leaves_nothing_behind_and_takes_nothing_else(one: Asgardeo) -> None:
    """Theirs kept texts that were left out and set booleans back: PKCE was off after a rename."""
    made = await one.made("Old", ext_pkce_mandatory=True, contacts=["a@example.org"])
    sent = (await one.read(made["client_id"])).json() | {"client_name": one.name("New")}
    renamed = (await one.put(made["client_id"], **sent)).json()
    assert renamed["ext_pkce_mandatory"] is True
    assert renamed["contacts"] == ["a@example.org"]
    bare = await one.put(made["client_id"], **REDIRECTS, client_name=one.name("New"))
    assert not bare.json().keys() & {"ext_pkce_mandatory", "contacts"}


@pytest.mark.parametrize("member", ["require_pushed_authorization_requests",
                                    "require_signed_request_object"])  # fmt: skip
async def test_pushed_and_signed_requests_are_members_of_their_own(
    make_app: MakeApplication, member: str
) -> None:
    """Theirs copied one into the other on update."""
    both = {"require_pushed_authorization_requests", "require_signed_request_object"}
    app = await make_app(
        asgardeo={"enabled": True},
        authorization_server={
            "pushed_authorization_request_endpoint": "https://as.example.com/par",
            "request_parameter_supported": True,
            "request_object_signing_alg_values_supported": ["RS256"],
        },
    )
    api = Asgardeo(app, await app.admin_token(*SCOPES))
    made = await api.made("Requests")
    (other,) = both - {member}
    body = {"client_name": made["client_name"], member: True}
    told = (await api.put(made["client_id"], **REDIRECTS, **body)).json()
    assert told[member] is True
    assert not told.get(other)


async def test_a_replacement_without_a_name_is_refused_whole(one: Asgardeo) -> None:
    """Theirs took some members of it and not others."""
    made = await one.made("Whole")
    answer = await one.put(made["client_id"], **REDIRECTS, jwks_uri="https://c.example.org/k")
    assert answer.status_code == 400
    assert answer.json()["error_description"] == "client_name is required"
    assert "jwks_uri" not in (await one.read(made["client_id"])).json()


async def test_a_refused_replacement_changes_nothing(api: Asgardeo) -> None:
    """Theirs wrote a part before it judged the rest."""
    made = await api.made("Atomic", ext_application_owner="alice")
    before = (await api.read(made["client_id"])).json()
    answer = await api.put(
        made["client_id"], client_name=api.name("Half"), ext_application_owner="bob",
        redirect_uris=["http://client.example.org/cb"],
    )  # fmt: skip
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_redirect_uri"
    assert (await api.read(made["client_id"])).json() == before
    assert (await api.find("Half")).status_code == 404


async def test_a_replacement_must_be_about_the_client_of_its_path(one: Asgardeo) -> None:
    """Theirs compared neither identifier nor secret."""
    made = await one.made("Envelope")
    body = REDIRECTS | {"client_name": made["client_name"]}
    for wrong in ({"client_id": "another"}, {"client_secret": "cs_of-another-one-altogether"}):
        assert (await one.put(made["client_id"], **body, **wrong)).status_code == 400
    right = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    assert (await one.put(made["client_id"], **body, **right)).status_code == 200


@pytest.mark.parametrize("reuse", [..., False, True])
async def test_private_key_jwt_needs_no_member_of_their_own(one: Asgardeo, reuse: Any) -> None:
    """Theirs demanded one beside it, and refused it beside other methods."""
    key = {"keys": [public_jwk(new_key())]}
    made = await one.made(
        f"Keyed {reuse}", token_endpoint_auth_method="private_key_jwt", jwks=key,
        token_endpoint_allow_reuse_pvt_key_jwt=reuse,
    )  # fmt: skip
    assert made["jwks"] == key
    assert made["token_endpoint_allow_reuse_pvt_key_jwt"] is False
    assert "client_secret" not in made


@pytest.mark.parametrize(
    "members", [{"token_endpoint_auth_method": "none"}, {"ext_public_client": True}]
)
async def test_a_public_client_has_no_secret(one: Asgardeo, members: dict[str, Any]) -> None:
    """Theirs refused the method none, and gave a secret to public clients."""
    made = await one.made(f"Public {len(members)} {next(iter(members))}", **members)
    assert made["token_endpoint_auth_method"] == "none"
    assert made["ext_public_client"] is True
    assert not made.keys() & {"client_secret", "client_secret_expires_at"}


async def test_public_and_confidential_at_once_is_refused(one: Asgardeo) -> None:
    told = await one.refused(
        ext_public_client=True, token_endpoint_auth_method="client_secret_basic"
    )
    assert told["error_description"].startswith("ext_public_client must not be true")


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "foo",
        "http://client.example.org/cb",
        "https://client.example.org/cb#fragment",
        "regexp=(.*)",
        "regexp=https://client.example.org/.*",
    ],
)
async def test_redirect_uris_are_judged(one: Asgardeo, uri: str) -> None:
    """Theirs took whatever a parser of URIs takes, and read regexp= as a pattern."""
    told = await one.refused(redirect_uris=[uri])
    assert told["error"] == "invalid_redirect_uri"


@pytest.mark.parametrize("uri", ["http://client.example.org/keys", "nothing", "ftp://a.example/k"])
async def test_jwks_uri_is_judged(one: Asgardeo, uri: str) -> None:
    told = await one.refused(jwks_uri=uri)
    assert told["error_description"].startswith("jwks_uri")


async def test_a_secret_is_told_once(one: Asgardeo) -> None:
    """Theirs told it with every read."""
    made = await one.made("Secret")
    for answer in (await one.read(made["client_id"]), await one.find("Secret")):
        assert made["client_secret"] not in answer.text
        assert "registration_access_token" not in answer.json()


async def test_all_that_was_registered_is_told(make_app: MakeApplication) -> None:
    """Theirs dropped most of it with 201, or stored it and told nobody."""
    logout = ("backchannel", "frontchannel")
    able = {f"{way}_logout_{what}supported": True for way in logout for what in ("", "session_")}
    app = await make_app(
        asgardeo={"enabled": True},
        authorization_server=able | {"end_session_endpoint": "https://as.example.com/logout"},
    )
    one = Asgardeo(app, await app.admin_token(*SCOPES))
    sent = {
        "contacts": ["a@example.org"],
        "post_logout_redirect_uris": ["https://client.example.org/out"],
        "backchannel_logout_uri": "https://client.example.org/back",
        "backchannel_logout_session_required": True,
        "frontchannel_logout_uri": "https://client.example.org/front",
        "client_uri": "https://client.example.org/",
        "logo_uri": "https://client.example.org/logo.png",
        "tos_uri": "https://client.example.org/tos",
        "policy_uri": "https://client.example.org/policy",
        "software_id": "software",
        "software_version": "1.2",
        "default_max_age": 60,
        "require_auth_time": True,
        "initiate_login_uri": "https://client.example.org/login",
        "client_name#fr": "Une application",
    }
    made = await one.made("Told", **sent)
    assert sent.items() <= made.items()
    # Defaults, too (RFC 7591 3.2.1).
    assert made["grant_types"] == ["authorization_code"]
    assert made["response_types"] == ["code"]
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert made["application_type"] == "web"
    assert abs(made["client_id_issued_at"] - time.time()) < 60
    assert made.keys() >= {"registration_access_token", "registration_client_uri"}
    # Theirs told nulls for what was not sent (product-is issue 23989).
    assert None not in made.values()


async def test_a_client_manages_itself_with_what_it_was_given(one: Asgardeo) -> None:
    """Theirs gave no registration access token."""
    made = await one.made("Itself")
    own = {"Authorization": f"Bearer {made['registration_access_token']}"}
    assert (await one.app.http.get(made["registration_client_uri"], headers=own)).is_success
    # Administrators' paths stay theirs.
    answer = await one.app.http.get(f"{PATH}/{made['client_id']}", headers=own)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [("", 400), ("[]", 400), ("{", 400), ('{"client_name": "a", "client_name": "b"}', 400)],
)
async def test_bodies_are_judged_with_an_answer(one: Asgardeo, body: str, status: int) -> None:
    """Theirs answered 500, or nothing at all."""
    headers = one.headers | {"Content-Type": "application/json"}
    for method, path in (
        ("POST", PATH),
        ("PUT", f"{PATH}/{(await one.made(body or 'x'))['client_id']}"),
    ):
        answer = await one.app.http.request(method, path, content=body, headers=headers)
        assert answer.status_code == status
        assert answer.json().keys() == {"error", "error_description", "traceId"}
    typed = one.headers | {"Content-Type": "text/plain"}
    assert (await one.app.http.post(PATH, content="{}", headers=typed)).status_code == 415


async def test_what_happened_is_recorded_with_who_did_it(api: Asgardeo) -> None:
    """Theirs recorded nothing of registrations without credentials; here there are none."""
    made = await api.made("Audited")
    await api.put(made["client_id"], **REDIRECTS, client_name=api.name("Audited again"))
    await api.delete(made["client_id"])
    events = await api.app.events(made["client_id"])
    assert [event.type for event in events] == [
        "client.registered", "client.updated", "client.deleted",
    ]  # fmt: skip
    assert {event.actor_kind for event in events} == {"administrator"}
    assert all(event.request_id for event in events)
    assert made["client_secret"] not in str(events)


async def test_an_administrator_changes_what_an_owner_has(one: Asgardeo) -> None:
    """product-is issues 8213 and 10940: who was not the owner got 403, or 500."""
    made = await one.made("Owned", ext_application_owner="alice")
    body = REDIRECTS | {"client_name": made["client_name"], "ext_application_owner": "bob"}
    changed = await one.put(made["client_id"], **body)
    assert changed.json()["ext_application_owner"] == "bob"
    assert (await one.delete(made["client_id"])).status_code == 204


async def test_the_audience_of_roles_is_replaced_like_the_rest(one: Asgardeo) -> None:
    """product-is issue 21627: an update left it as it was."""
    made = await one.made("Roles", ext_allowed_audience="organization")
    body = REDIRECTS | {"client_name": made["client_name"]}
    changed = await one.put(made["client_id"], **body, ext_allowed_audience="application")
    assert changed.json()["ext_allowed_audience"] == "application"
    assert "ext_allowed_audience" not in (await one.put(made["client_id"], **body)).json()


async def test_a_statement_that_nobody_verified_is_not_told_as_registered(one: Asgardeo) -> None:
    """Theirs echoed one whose signature was never looked at."""
    made = await one.made("Statement", software_statement="eyJhbGciOiJub25lIn0.e30.")
    assert "software_statement" not in made


async def test_what_nobody_knows_is_not_told_as_registered(one: Asgardeo) -> None:
    made = await one.made("Unknown", something_else="x", ext_something_else=True)
    assert not made.keys() & {"something_else", "ext_something_else"}


async def test_a_chosen_secret_gets_into_no_log(
    one: Asgardeo, capfd: pytest.CaptureFixture[str]
) -> None:
    """Theirs wrote requests to a log, secrets in them."""
    made = await one.made("Logged", ext_param_client_secret=SECRET)
    await one.refused("Refused", ext_param_client_secret=SECRET, ext_pkce_mandatory="x")
    written = capfd.readouterr()
    assert '"status": 400' in written.err
    assert SECRET not in written.out + written.err
    assert made["client_secret"] == SECRET


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_path_without_an_identifier_has_no_such_method(one: Asgardeo, method: str) -> None:
    """product-is issue 16613: their documentation had PUT there."""
    answer = await one.app.http.request(method, PATH, json={}, headers=one.headers)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert answer.json().keys() == {"error", "error_description", "traceId"}


async def test_a_policy_is_not_chosen_here(make_app: MakeApplication) -> None:
    app = await make_app(asgardeo={"enabled": True}, policies={"lax": {}})
    api = Asgardeo(app, await app.admin_token(*SCOPES))
    assert "policy" not in await api.made("Policy", policy="lax")
