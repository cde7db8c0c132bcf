"""OpenID Connect Discovery 2 and 4, RFC 8414 3, RFC 7033 4, over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.services.tenants.discovery import ISSUER_RELATION
from dcrserver.settings import ConfigurationError
from harness.application import BASE_URL, CALLBACK, Application

requirement = pytest.mark.requirement

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
WEBFINGER = "/.well-known/webfinger"


@requirement(
    "OIDD-4-01", "OIDD-4-03", "OIDD-4-04", "OIDD-4-05", "OIDD-4-06", "OIDD-3-01", "OIDD-3-02",
    "OIDD-3-04", "OIDD-3-06", "OIDD-3-07", "R8414-2-01", "R8414-2-02", "R8414-2-03", "R8414-2-05",
    "R8414-3.2-01", "R8414-3.3-01", "R9207-3-01", "MCP0618-01", "MCP0618-02", "MCP1125-02",
    "MCP0728-01", "MCP0728-03", "FAPI2-5.3.2.1-01",
)  # fmt: skip
@pytest.mark.parametrize("where", [OPENID, OAUTH])
async def test_the_metadata_is_complete(app: Application, where: str) -> None:
    answer = await app.http.get(where)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    document = answer.json()
    assert document["issuer"] == BASE_URL
    assert document["registration_endpoint"] == f"{BASE_URL}/register"
    assert document["authorization_endpoint"] == f"{BASE_URL}/authorize"
    assert document["token_endpoint"] == f"{BASE_URL}/token"
    assert document["jwks_uri"] == f"{BASE_URL}/jwks"
    assert document["response_types_supported"] == ["code"]
    assert document["subject_types_supported"] == ["public"]
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    assert "openid" in document["scopes_supported"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["request_uri_parameter_supported"] is False
    assert document["authorization_response_iss_parameter_supported"] is True
    assert not [value for value in document.values() if value in ([], None, "")]


@requirement("OIDD-7-01")
async def test_what_is_advertised_is_accepted(make_app: MakeApplication) -> None:
    capabilities = {
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post", "private_key_jwt"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "PS256"],
        "userinfo_signing_alg_values_supported": ["RS256"],
        "subject_types_supported": ["public", "pairwise"],
        "scopes_supported": ["openid", "a", "b"],
    }
    member = {
        "token_endpoint_auth_methods_supported": "token_endpoint_auth_method",
        "id_token_signing_alg_values_supported": "id_token_signed_response_alg",
        "userinfo_signing_alg_values_supported": "userinfo_signed_response_alg",
        "subject_types_supported": "subject_type",
        "scopes_supported": "scope",
    }
    app = await make_app(authorization_server=capabilities)
    document = (await app.http.get(OPENID)).json()
    for name, values in capabilities.items():
        assert document[name] == values
        for value in values:
            extra: dict[str, Any] = {"jwks_uri": "https://client.example.org/jwks.json"}
            made = await app.register(**extra, **{member[name]: value})
            assert made[member[name]] == value
        refused = await app.http.post(
            "/register", json={"redirect_uris": [CALLBACK], member[name]: "other"}
        )
        assert refused.status_code == 400 or member[name] not in refused.json()
    assert document["token_endpoint_auth_signing_alg_values_supported"] == [
        "RS256", "PS256", "ES256", "EdDSA",
    ]  # fmt: skip


@requirement("R8414-2-04", "OIDD-3-08")
async def test_assertion_algorithms_are_listed_and_never_none(make_app: MakeApplication) -> None:
    app = await make_app(
        authorization_server={"token_endpoint_auth_methods_supported": ["client_secret_jwt"]}
    )
    document = (await app.http.get(OAUTH)).json()
    assert document["token_endpoint_auth_signing_alg_values_supported"] == ["HS256"]


@requirement("R8414-3.1-01")
@pytest.mark.parametrize("where", [OPENID, OAUTH, WEBFINGER])
async def test_metadata_is_for_get(app: Application, where: str) -> None:
    answer = await app.http.post(where)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    head = await app.http.head(where, params={"resource": BASE_URL})
    assert (head.status_code, head.content) == (200, b"")


@requirement("R8414-3-01", "R8414-5-01", "OIDD-4-01", "OIDD-4-02", "POL-51")
async def test_a_tenant_is_an_issuer_of_its_own(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"acme": {}, "t1": {"path": "/t1/"}})
    for path in ("/t/acme", "/t1"):
        issuer = f"{BASE_URL}{path}"
        for where in (f"{path}{OPENID}", f"{OPENID}{path}", f"{OAUTH}{path}", f"{path}{OAUTH}"):
            document = (await app.http.get(where)).json()
            assert document["issuer"] == issuer
            assert document["registration_endpoint"] == f"{issuer}/register"
    assert (await app.http.get(f"{OAUTH}/t/other")).status_code == 404
    assert (await app.http.get(f"/t/other{OPENID}")).status_code == 404


async def test_the_inserted_openid_form_can_be_switched_off(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"acme": {}}, policy={"discovery": {"inserted_oidc": False}})
    assert (await app.http.get(f"{OPENID}/t/acme")).status_code == 404
    assert (await app.http.get(f"{OAUTH}/t/acme")).status_code == 200


async def test_nothing_crosses_tenants(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"acme": {}})
    body = {"redirect_uris": [CALLBACK], "grant_types": ["client_credentials"]}
    client = (await app.http.post("/t/acme/register", json=body)).json()
    assert client["registration_client_uri"].startswith(f"{BASE_URL}/t/acme/register/")
    headers = {"Authorization": f"Bearer {client['registration_access_token']}"}
    where = f"/register/{client['client_id']}"
    assert (await app.http.get(f"/t/acme{where}", headers=headers)).status_code == 200
    assert (await app.http.get(where, headers=headers)).status_code == 401
    form = {"grant_type": "client_credentials"}
    auth = (client["client_id"], client["client_secret"])
    assert (await app.http.post("/token", data=form, auth=auth)).status_code == 401
    granted = await app.http.post("/t/acme/token", data=form, auth=auth)
    assert granted.status_code == 200
    keys = [(await app.http.get(f"{path}/jwks")).json()["keys"] for path in ("", "/t/acme")]
    assert keys[0] != keys[1]


async def test_an_external_server_is_overlaid_with_our_registration(
    make_app: MakeApplication, tmp_path: Path
) -> None:
    """The issuer stays the one the document was found by (R8414-3.3-01)."""
    document = {
        "issuer": "https://as.example.com",
        "authorization_endpoint": "https://as.example.com/authorize",
        "token_endpoint": "https://as.example.com/token",
        "jwks_uri": "https://as.example.com/jwks",
        "registration_endpoint": "https://as.example.com/register",
        "signed_metadata": "eyJ",
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "none"],
        "acr_values_supported": [],
        "mtls_endpoint_aliases": {
            "token_endpoint": "https://mtls.as.example.com/token",
            "registration_endpoint": "https://mtls.as.example.com/register",
        },
    }
    location = tmp_path / "as-metadata.json"
    location.write_text(json.dumps(document))
    server = {"metadata": str(location), "token_endpoint_auth_methods_supported": ["none"]}
    app = await make_app(authorization_server=server)
    published = (await app.http.get(OPENID)).json()
    assert published["issuer"] == BASE_URL
    assert published["registration_endpoint"] == f"{BASE_URL}/register"
    assert published["token_endpoint"] == "https://as.example.com/token"
    # By theirs, clients with certificates would register there (RFC 8705 5).
    aliases = {"token_endpoint": "https://mtls.as.example.com/token"}
    assert published["mtls_endpoint_aliases"] == aliases
    assert published["response_types_supported"] == ["code"]
    assert published["id_token_signing_alg_values_supported"] == ["RS256"]
    assert published["token_endpoint_auth_methods_supported"] == ["none"]
    # The specification's defaults are made explicit, the implicit grant is off by our policy.
    assert published["grant_types_supported"] == ["authorization_code"]
    assert published["request_uri_parameter_supported"] is True
    assert not {"signed_metadata", "acr_values_supported"} & published.keys()
    for path in ("/token", "/jwks"):
        method = "POST" if path == "/token" else "GET"
        assert (await app.http.request(method, path)).status_code == 404


JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ID_JAG = "urn:ietf:params:oauth:grant-profile:id-jag"


@pytest.mark.parametrize("preset", ["default", "mcp"])
async def test_only_grants_that_the_token_endpoint_serves_are_advertised(
    make_app: MakeApplication, preset: str
) -> None:
    """The others can be registered for all that: their server is connected later."""
    app = await make_app(policy={"preset": preset}, tenants={"acme": {}})
    for path in ("", "/t/acme"):
        document = (await app.http.get(f"{path}{OAUTH}")).json()
        assert document["token_endpoint"] == f"{BASE_URL}{path}/token"
        assert document["grant_types_supported"] == ["client_credentials"]
    grants = ["authorization_code", "refresh_token"]
    assert (await app.register(grant_types=grants))["grant_types"] == grants


async def test_all_grants_of_a_connected_server_are_advertised(make_app: MakeApplication) -> None:
    grants = ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]
    server = {"token_endpoint": "https://as.example/token", "grant_types_supported": grants}
    app = await make_app(authorization_server=server)
    assert (await app.http.get(OAUTH)).json()["grant_types_supported"] == grants


@pytest.mark.parametrize(
    "server",
    [
        {"grant_types_supported": ["authorization_code", JWT_BEARER]},
        {"authorization_grant_profiles_supported": [ID_JAG]},
        {"authorization_grant_profiles_supported": [ID_JAG], "grant_types_supported": [JWT_BEARER]},
    ],
)
async def test_a_server_that_names_the_grant_or_its_profile_takes_assertions_alone(
    make_app: MakeApplication, server: dict[str, Any]
) -> None:
    endpoint = {"token_endpoint": "https://as.example/token"}
    app = await make_app(policy={"preset": "mcp"}, authorization_server=endpoint | server)
    document = (await app.http.get(OAUTH)).json()
    assert document["grant_types_supported"].count(JWT_BEARER) == 1
    client = await app.register(redirect_uris=None, grant_types=[JWT_BEARER])
    assert client["grant_types"] == [JWT_BEARER]
    assert client["response_types"] == client["redirect_uris"] == []
    assert "client_secret" in client


async def test_a_server_that_names_neither_takes_no_assertions(make_app: MakeApplication) -> None:
    app = await make_app(policy={"preset": "mcp"})
    answer = await app.http.post("/register", json={"grant_types": [JWT_BEARER]})
    assert answer.status_code == 400
    assert "grant_types must only hold" in answer.json()["error_description"]
    both = await app.register(grant_types=["authorization_code", JWT_BEARER])
    assert both["grant_types"] == ["authorization_code"]


@pytest.mark.parametrize("content", [None, "[]", "{"])
async def test_a_metadata_document_that_cannot_be_read_stops_the_start(
    make_app: MakeApplication, tmp_path: Path, content: str | None
) -> None:
    location = tmp_path / "as-metadata.json"
    if content is not None:
        location.write_text(content)
    with pytest.raises(ConfigurationError, match=r"authorization_server\.metadata"):
        await make_app(authorization_server={"metadata": str(location)})


@requirement(
    "R7033-4-01",
    "R7033-4.2-04",
    "R7033-4.4-01",
    "R7033-4.4-02",
    "R7033-5-01",
    "OIDD-2-01",
    "OIDD-2-04",
)
@pytest.mark.parametrize(
    "resource",
    [
        "acct:joe@server.example.com",
        "acct:joe%40example.com@server.example.com",
        BASE_URL,
        f"{BASE_URL}/",
        f"{BASE_URL}/joe",
        "https://SERVER.example.com/",
        "https://server.example.com:443/",
    ],
)
async def test_webfinger_finds_the_issuer_of_the_base_url(app: Application, resource: str) -> None:
    answer = await app.http.get(WEBFINGER, params={"resource": resource, "other": "ignored"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jrd+json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json() == {
        "subject": resource,
        "links": [{"rel": ISSUER_RELATION, "href": BASE_URL}],
    }


@requirement("R7033-4.1-01", "R7033-4.3-01", "R7033-4.3-03", "R7033-4.4-03")
async def test_webfinger_filters_links_by_relation(app: Application) -> None:
    async def links(*relations: str) -> list[dict[str, str]]:
        params = [("resource", BASE_URL), *(("rel", relation) for relation in relations)]
        answer = await app.http.get(WEBFINGER, params=params)
        assert answer.json()["subject"] == BASE_URL
        found: list[dict[str, str]] = answer.json()["links"]
        return found

    assert len(await links(ISSUER_RELATION)) == 1
    assert len(await links("other", ISSUER_RELATION)) == 1
    assert await links("other") == []


@requirement("R7033-4.2-01", "R7033-4.1-01", "R7033-5-01")
@pytest.mark.parametrize(
    "query",
    ["", "resource=", "resource=%ZZ", "resource=%", "resource=joe", "resource=joe@example.com",
     "resource=https://[", "resource=acct:@example.com",
     "resource=acct:a@example.com&resource=acct:b@example.com"],
)  # fmt: skip
async def test_webfinger_needs_one_good_resource(app: Application, query: str) -> None:
    answer = await app.http.get(f"{WEBFINGER}?{query}")
    assert answer.status_code == 400
    assert answer.headers["access-control-allow-origin"] == "*"


@requirement("R7033-4.2-02", "R7033-5-01", "R7033-8-01")
@pytest.mark.parametrize(
    "resource",
    ["acct:joe@example.com", "https://other.example/", "mailto:joe@server.example.com",
     "https://server.example.com:8443/", "https://server.example.com.evil.example/"],
)  # fmt: skip
async def test_webfinger_does_not_know_others(app: Application, resource: str) -> None:
    answer = await app.http.get(WEBFINGER, params={"resource": resource})
    assert answer.status_code == 404
    assert answer.headers["access-control-allow-origin"] == "*"


@requirement("OIDD-2-05", "OIDD-2.1-08", "OIDD-2.1-06", "OIDD-2.1-07", "POL-52", "R7033-9-01")
async def test_webfinger_answers_for_the_configured_subjects(make_app: MakeApplication) -> None:
    app = await make_app(
        webfinger=["example.com", "acct:ann@exact.example", "https://host.example:8080/"],
        tenants={"acme": {"webfinger": ["acme.example"]}},
    )

    async def issuer(resource: str) -> str | None:
        answer = await app.http.get(WEBFINGER, params={"resource": resource})
        found = answer.json().get("links")
        return str(found[0]["href"]) if found else None

    assert await issuer("acct:anyone@example.com") == BASE_URL
    assert await issuer("acct:anyone@EXAMPLE.com") == BASE_URL
    assert await issuer("acct:ann@exact.example") == BASE_URL
    assert await issuer("acct:bob@exact.example") is None
    assert await issuer("https://host.example:8080") == BASE_URL
    assert await issuer("https://host.example:8080/") == BASE_URL
    assert await issuer("https://host.example/") is None
    assert await issuer("acct:x@acme.example") == f"{BASE_URL}/t/acme"
    assert await issuer(f"{BASE_URL}/t/acme") == f"{BASE_URL}/t/acme"


@requirement("POL-52")
async def test_a_final_slash_can_be_made_to_matter(make_app: MakeApplication) -> None:
    exact = ["https://host.example:8080/", "plain.example"]
    app = await make_app(webfinger=exact, policy={"webfinger": {"slash_equivalence": False}})

    async def status(resource: str) -> int:
        return (await app.http.get(WEBFINGER, params={"resource": resource})).status_code

    assert await status("https://host.example:8080/") == 200
    assert await status("https://host.example:8080") == 404
    assert await status(BASE_URL) == 200
    assert await status("https://plain.example") == await status("https://plain.example/") == 200


@requirement("OIDD-2-02", "R8414-2-01")
@pytest.mark.parametrize(
    "base_url",
    ["https://x.example/?q", "https://x.example/#f", "ftp://x.example", "https://", "https://u@x/"],
)
async def test_a_base_url_that_is_no_issuer_stops_the_start(
    make_app: MakeApplication, base_url: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"server\.base_url"):
        await make_app(server={"base_url": base_url})


@pytest.mark.parametrize(
    ("tenants", "told"),
    [
        ({"a": {"path": "/x"}, "b": {"base_url": f"{BASE_URL}/x"}}, "have the same path"),
        ({"a": {"path": "/x"}, "b": {"base_url": "https://b.example/x"}}, "have the same path"),
        ({"a": {"base_url": "https://a.example"}}, "tenants.a: the issuer needs a path"),
        ({"a": {"path": "/a b"}}, "tenants.a: holds a space"),
        ({"a": {"path": "/a%20b"}}, "tenants.a: the path /a%20b cannot"),
        ({"a": {"path": "/register"}}, "tenants.a: the path /register cannot"),
        ({"a": {"path": "/.well-known/x"}}, "tenants.a: the path /.well-known/x cannot"),
    ],
)
async def test_tenants_are_told_apart_by_their_path(
    make_app: MakeApplication, tenants: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        await make_app(tenants=tenants)


async def test_the_host_header_decides_nothing(app: Application) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    answers = [
        await app.http.post("/register", json={"redirect_uris": [CALLBACK]}, headers=headers),
        await app.http.get(OPENID, headers=headers),
        await app.http.get("/", headers=headers),
    ]
    assert not [answer for answer in answers if "evil.example" in answer.text]


@pytest.mark.finding("S6")
@pytest.mark.parametrize(("length", "status"), [(2000, 404), (2001, 400)])
async def test_a_resource_has_a_length(app: Application, length: int, status: int) -> None:
    resource = "https://a.example/".ljust(length, "a")
    answer = await app.http.get("/.well-known/webfinger", params={"resource": resource})
    assert answer.status_code == status


@pytest.mark.finding("S13")
@pytest.mark.parametrize(
    ("tenants", "told"),
    [
        ({"a": {"path": "/x"}, "b": {"base_url": "https://b.example/x"}},
         "tenants: the issuers of a and b have the same path /x"),
        ({"a": {"path": "/x/y"}, "b": {"path": "/x"}}, "tenants: the path /x/y of a is inside /x"),
        ({"a": {}, "b": {"path": "/t/a/b"}}, "tenants: the path /t/a/b of b is inside /t/a of a"),
        ({"a": {"path": "//x"}}, "tenants.a: the path //x cannot"),
        ({"a": {"path": "/x//y"}}, "tenants.a: the path /x//y cannot"),
        ({"a": {"webfinger": ["A.example"]}, "b": {"webfinger": ["a.example"]}},
         "tenants: WebFinger cannot answer for a.example with both a and b"),
        ({"a": {"webfinger": ["server.example.com"]}},
         "tenants: WebFinger cannot answer for server.example.com with both default and a"),
    ],
)  # fmt: skip
async def test_tenants_are_not_in_each_others_way(
    make_app: MakeApplication, tenants: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        await make_app(tenants=tenants)
    assert str(refusal.value).startswith(told)


@pytest.mark.finding("S13")
async def test_tenants_below_a_base_url_with_a_path(make_app: MakeApplication) -> None:
    """They are inside of it by nature, but not where it answers itself."""
    server = {"base_url": "https://server.example.com/auth"}
    app = await make_app(server=server, tenants={"a": {}})
    for path in ("/auth", "/auth/t/a"):
        answer = await app.http.get(f"{path}/.well-known/openid-configuration")
        assert answer.json()["issuer"] == f"https://server.example.com{path}"
    with pytest.raises(ConfigurationError, match=r"tenants\.a: the path /auth/register cannot"):
        await make_app(server=server, tenants={"a": {"path": "/register"}})


@pytest.mark.finding("S19")
@pytest.mark.parametrize("path", ["/metrics", "/%6detrics", "/healthz", "/readyz"])
async def test_operations_are_at_the_root_only(make_app: MakeApplication, path: str) -> None:
    app = await make_app(tenants={"acme": {}, "t1": {"path": "/t1"}})
    for place in ("/t/acme", "/t1", "/t%31"):
        assert (await app.http.get(place + path)).status_code == 404
    assert (await app.http.get(path)).status_code == (404 if "%" in path else 200)
