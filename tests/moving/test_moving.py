"""Clients of other servers, as they would have registered here."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from dcrserver.metadata.catalogue.extensions import ROWS
from dcrserver.moving import Documents, Told, moved
from dcrserver.moving.documents import clients_of
from dcrserver.moving.extensions import ACCESS_TOKEN_SECONDS, LONGEST_SECONDS

EXTENSIONS = {row.name for row in ROWS} & {
    "skip_consent", "access_token_format", "audience", "id_token_lifetime",
    "refresh_token_lifetime", "authorization_code_access_token_lifetime",
    "client_credentials_access_token_lifetime",
}  # fmt: skip
LIFESPAN = "authorization_code_grant_access_token_lifespan"


def hydra(**members: Any) -> dict[str, Any]:
    """A client as Hydra lists it: every member written, most of them empty."""
    return {
        "client_id": "a", "client_name": "", "redirect_uris": ["https://a.example/cb"],
        "grant_types": ["authorization_code"], "response_types": ["code"], "owner": "",
        "contacts": [], "jwks": {}, "metadata": {}, "client_secret_expires_at": 0,
        "token_endpoint_auth_method": "client_secret_basic",
        "userinfo_signed_response_alg": "none", "created_at": "2024-05-06T07:08:09Z",
        "skip_consent": False, LIFESPAN: None,
    } | members  # fmt: skip


def keycloak(**members: Any) -> dict[str, Any]:
    return {
        "clientId": "k", "enabled": True, "protocol": "openid-connect", "publicClient": False,
        "clientAuthenticatorType": "client-secret", "secret": "readable-secret-0123456789",
        "redirectUris": ["https://k.example/cb"], "standardFlowEnabled": True, "attributes": {},
    } | members  # fmt: skip


def test_what_hydra_leaves_empty_is_left_out() -> None:
    made = moved(hydra(), {"a": {"client_secret": "$hash"}})
    assert made.registration == {
        "client_id": "a",
        "redirect_uris": ["https://a.example/cb"],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "client_secret_expires_at": 0,
        "token_endpoint_auth_method": "client_secret_basic",
        "client_id_issued_at": 1714979289,
        "client_secrets": [{"hash": "$hash"}],
    }
    assert made.dropped == []
    assert "--hashes" in str(moved(hydra()).refused)


def test_what_of_hydra_cannot_come_is_told() -> None:
    made = moved(hydra(owner="acme", allowed_cors_origins=["https://a.example"], scope="a b.* *"))
    assert {each.member for each in made.dropped} == {"allowed_cors_origins", "scope"}
    assert (made.registration["owner"], made.registration["scope"]) == ("acme", "a")
    machine = moved(hydra(grant_types=["client_credentials"], redirect_uris=[]))
    assert machine.registration["response_types"] == []
    assert [each.member for each in machine.dropped] == ["response_types"]
    assert moved(hydra(grant_types=[])).registration["grant_types"] == ["authorization_code"]


def test_what_administrators_of_hydra_decide_comes_along() -> None:
    of_grants = {
        LIFESPAN: "1h5m0s",
        "client_credentials_grant_access_token_lifespan": "90s",
        "authorization_code_grant_id_token_lifespan": "1.5s",
        "authorization_code_grant_refresh_token_lifespan": "720h0m0s",
        "jwt_bearer_grant_access_token_lifespan": "1m",
    }
    given = hydra(skip_consent=True, access_token_strategy="jwt", audience=["https://api"])
    made = moved(given | of_grants)
    assert {name: made.registration[name] for name in EXTENSIONS} == {
        "skip_consent": True, "access_token_format": "jwt", "audience": ["https://api"],
        "authorization_code_access_token_lifetime": 3900, "id_token_lifetime": 1,
        "client_credentials_access_token_lifetime": 90, "refresh_token_lifetime": 2_592_000,
    }  # fmt: skip
    assert Told(LIFESPAN, "authorization_code_access_token_lifetime") in made.mapped
    assert {each.member for each in made.dropped} == {"jwt_bearer_grant_access_token_lifespan"}
    for length in ("0s", "24h0m1s", "soon", "-1m", ""):
        told = moved(hydra(**{LIFESPAN: length}))
        assert not EXTENSIONS & told.registration.keys(), length
        assert [each.member for each in told.dropped] == [LIFESPAN] * bool(length)


def test_what_administrators_of_keycloak_decide_comes_along() -> None:
    mapper = {
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.custom.audience": "https://api", "included.client.audience": "other"},
    }
    attributes = {"pkce.code.challenge.method": "S256", "access.token.lifespan": "600"}
    made = moved(
        keycloak(consentRequired=False, attributes=attributes, protocolMappers=[mapper])
    ).registration
    assert (made["skip_consent"], made["audience"]) == (True, ["https://api", "other"])
    assert (made["require_pkce"], made["allow_plain_pkce"]) == (True, False)
    assert made["authorization_code_access_token_lifetime"] == 600
    plain = moved(keycloak(attributes={"pkce.code.challenge.method": "plain"})).registration
    assert plain["allow_plain_pkce"] is True
    asked = moved(keycloak(consentRequired=True)).registration
    assert asked["skip_consent"] is False
    long = moved(keycloak(attributes={"access.token.lifespan": "86401"}))
    assert [each.member for each in long.dropped] == ["access.token.lifespan"]


def test_the_longest_lifetimes_are_those_of_the_catalogue() -> None:
    rows = {row.name: row.kind.schema["maximum"] for row in ROWS if "lifetime" in row.name}
    assert rows == {
        name: ACCESS_TOKEN_SECONDS if "access_token" in name else LONGEST_SECONDS for name in rows
    }


@pytest.mark.parametrize("rotated", [["$old"], '["$old"]'])
def test_hashes_of_hydra_go_to_clients_that_have_secrets(rotated: object) -> None:
    row: dict[str, Any] = {"client_id": "a", "client_secret": "$hash", "rotated_secrets": rotated}
    made = moved(hydra(), {"a": row})
    assert made.registration["client_secrets"] == [{"hash": "$hash"}, {"hash": "$old"}]
    public = moved(hydra(token_endpoint_auth_method="none"), {"a": row})
    assert "client_secrets" not in public.registration
    assert moved(hydra(), {"a": row | {"rotated_secrets": "["}}).registration["client_secrets"] == [
        {"hash": "$hash"}
    ]


def test_ports_of_the_local_machine_are_told() -> None:
    for uri, told in (
        ("http://127.0.0.1:8080/cb", True),
        ("http://[::1]:8080", True),
        ("http://localhost:1/", True),
        ("http://127.0.0.1/cb", False),
        ("http://localhost:8080.example.org/", False),
    ):
        made = moved(hydra(redirect_uris=[uri], token_endpoint_auth_method="none"))
        assert ("redirect_uris" in {each.member for each in made.mapped}) is told, uri


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00Z", "soon", 7, None])
def test_a_time_that_is_none_is_left_out(when: object) -> None:
    assert "client_id_issued_at" not in moved(hydra(created_at=when)).registration


def test_a_client_of_keycloak_is_mapped() -> None:
    made = moved(
        keycloak(
            name="K",
            serviceAccountsEnabled=True,
            consentRequired=True,
            attributes={
                "logoUri": "https://k.example/logo",
                "dpop.bound.access.tokens": "true",
                "post.logout.redirect.uris": "https://k.example/1##https://k.example/2",
                "access.token.lifespan": "600",
            },
        )
    )
    assert made.registration == {
        "client_id": "k",
        "client_name": "K",
        "client_secrets": [{"secret": "readable-secret-0123456789", "expires_at": 0}],
        "redirect_uris": ["https://k.example/cb"],
        "grant_types": ["authorization_code", "client_credentials", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "logo_uri": "https://k.example/logo",
        "dpop_bound_access_tokens": True,
        "post_logout_redirect_uris": ["https://k.example/1", "https://k.example/2"],
        "skip_consent": False,
        "client_credentials_access_token_lifetime": 600,
        "authorization_code_access_token_lifetime": 600,
    }
    assert made.dropped == []
    assert Told("secret", "client_secret") in made.mapped
    assert "client_secret_post" in next(
        each.what for each in made.mapped if each.member == "clientAuthenticatorType"
    )


def test_keys_of_keycloak_come_without_its_unused_secret() -> None:
    key = keycloak(
        clientAuthenticatorType="client-jwt",
        attributes={"use.jwks.string": "true", "jwks.string": '{"keys":[]}'},
    )
    made = moved(key).registration
    assert (made["token_endpoint_auth_method"], made["jwks"]) == ("private_key_jwt", {"keys": []})
    assert "client_secrets" not in made
    by_url = keycloak(attributes={"use.jwks.url": "true", "jwks.url": "https://k.example/jwks"})
    assert moved(by_url).registration["jwks_uri"] == "https://k.example/jwks"
    broken = keycloak(attributes={"use.jwks.string": "true", "jwks.string": "{"})
    assert moved(broken).registration["jwks"] == "{"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"clientId": "account"}, "Keycloak's own"),
        ({"protocol": "saml"}, "SAML"),
        ({"bearerOnly": True}, "bearer-only"),
        ({"redirectUris": ["https://k.example/*"]}, "wildcard"),
        ({"secret": "**********"}, "masked"),
        ({"secret": "${vault.k}"}, "vault"),
        ({"secret": None}, "no secret"),
        ({"clientAuthenticatorType": "client-x509", "attributes": {"x509.subjectdn": "CN=.*"}},
         "regular expression"),
    ],
)  # fmt: skip
def test_what_keycloak_has_and_oauth_has_not_is_refused(
    members: dict[str, Any], reason: str
) -> None:
    assert reason in str(moved(keycloak(**members)).refused)


def test_a_client_of_keycloak_keeps_more_than_its_members() -> None:
    made = moved(
        keycloak(
            enabled=False,
            name="${client_k}",
            rootUrl="https://k.example/",
            baseUrl="/home",
            redirectUris=["/cb"],
            defaultClientScopes=["web-origins", "basic", "profile"],
            optionalClientScopes=["offline_access"],
            attributes={
                "client.secret.authentication.allowed.method": "client_secret_post",
                "client.secret.expiration.time": "4000000000",
                "client.secret.rotated": "the-one-before",
                "client.secret.rotated.expiration.time": "3000000000",
                "post.logout.redirect.uris": "+",
                "request.object.required": "request",
                "id.token.encrypted.response.alg": "RSA-OAEP-256",
            },
            protocolMappers=[{
                "protocolMapper": "oidc-sha256-pairwise-sub-mapper",
                "config": {"sectorIdentifierUri": "https://k.example/sector"},
            }],
        )
    ).registration  # fmt: skip
    assert 0 <= time.time() - made.pop("suspended_at") < 60
    assert made == {
        "client_id": "k",
        "client_uri": "https://k.example/home",
        "redirect_uris": ["https://k.example/cb"],
        "post_logout_redirect_uris": ["https://k.example/cb"],
        "require_signed_request_object": True,
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "openid profile offline_access",
        "subject_type": "pairwise",
        "sector_identifier_uri": "https://k.example/sector",
        "client_secrets": [
            {"secret": "readable-secret-0123456789", "expires_at": 4000000000},
            {"secret": "the-one-before", "expires_at": 3000000000},
        ],
    }


def test_a_rotated_secret_without_an_end_stays_behind() -> None:
    made = moved(keycloak(attributes={"client.secret.rotated": "the-one-before"}))
    assert len(made.registration["client_secrets"]) == 1
    assert [each.member for each in made.dropped] == ["client.secret.rotated"]


@pytest.mark.parametrize("wrapped", [{"client_id": "a", "grant_types": ["x"], "contacts": []}])
@pytest.mark.parametrize("member", ["payload", "data"])
@pytest.mark.parametrize("written", [json.dumps, dict])
def test_a_payload_of_node_oidc_provider_is_unwrapped(
    member: str, written: Callable[..., Any], wrapped: dict[str, Any]
) -> None:
    made = moved({"_id": "a", member: written(wrapped)})
    assert made.registration == {"client_id": "a", "grant_types": ["x"]}
    assert "but a AccessToken" in str(moved({"id": 1, member: {"kind": "AccessToken"}}).refused)


@pytest.mark.parametrize("column", ["client_metadata", "_client_metadata"])
def test_a_row_of_authlib_is_unwrapped(column: str) -> None:
    row = {"user_id": 7, "client_id": "a", "client_secret": "s", "client_id_issued_at": 0,
           "client_secret_expires_at": 0, column: '{"scope": "profile", "jwks": {}}'}  # fmt: skip
    made = moved(row)
    assert made.registration == {
        "client_id": "a",
        "client_secret": "s",
        "client_secret_expires_at": 0,
        "scope": "profile",
        "token_endpoint_auth_method": "client_secret_basic",
        "owner": "7",
    }
    public = row | {column: {"token_endpoint_auth_method": "none"}}
    assert "client_secret" not in moved(public).registration


def test_ours_is_taken_as_it_is() -> None:
    given: dict[str, Any] = {"client_id": "a", "client_name": "", "created_at": "x"}
    made = moved(given)
    assert (made.registration, made.mapped, made.dropped) == (given, [], [])


def test_clients_are_found_in_every_shape_of_document() -> None:
    one, two = hydra(), keycloak()
    for document in ([one, two], {"items": [one, two]}, {"realm": "r", "clients": [one, two]}):
        assert clients_of(document) == [one, two]
    assert clients_of([{"clients": [one]}, {"clients": [two]}]) == [one, two]
    assert clients_of(one) == [one]


@pytest.mark.parametrize(
    ("text", "unit", "numbers"),
    [
        ('{"client_id": "a"}\n\n{"client_id": "b"}\n', "line", [1, 3]),
        ('[{"client_id": "a"},\n {"client_id": "b"}]', "client", [1, 2]),
        ('{"items": [{"client_id": "a"}, {"client_id": "b"}]}', "client", [1, 2]),
        ('{"realm": "r",\n"clients": [{"client_id": "a"}, {"client_id": "b"}]}', "client", [1, 2]),
    ],
)
def test_a_file_is_read_in_either_shape(text: str, unit: str, numbers: list[int]) -> None:
    documents = Documents(io.BytesIO(text.encode()))
    found = list(documents)
    assert (documents.unit, [each.number for each in found]) == (unit, numbers)
    assert [each.value for each in found] == [{"client_id": "a"}, {"client_id": "b"}]
    assert sum(each.size for each in found) <= documents.size
