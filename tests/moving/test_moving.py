"""Clients of other servers, as they would have registered here."""

from __future__ import annotations

from typing import Any

import pytest

from dcrserver.moving import Told, moved
from dcrserver.moving.documents import clients_of

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
    made = moved(hydra())
    assert made.registration == {
        "client_id": "a",
        "redirect_uris": ["https://a.example/cb"],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "client_secret_expires_at": 0,
        "token_endpoint_auth_method": "client_secret_basic",
        "client_id_issued_at": 1714979289,
    }
    assert made.dropped == []


def test_what_of_hydra_cannot_come_is_told() -> None:
    made = moved(hydra(owner="acme", skip_consent=True, **{LIFESPAN: "5m0s"}))
    assert {each.member for each in made.dropped} == {"owner", "skip_consent", LIFESPAN}
    machine = moved(hydra(grant_types=["client_credentials"], redirect_uris=[]))
    assert machine.registration["response_types"] == []
    assert [each.member for each in machine.dropped] == ["response_types"]
    assert moved(hydra(grant_types=[])).registration["grant_types"] == ["authorization_code"]


def test_hashes_of_hydra_go_to_clients_that_have_secrets() -> None:
    hashes = {"a": {"client_id": "a", "client_secret": "$hash", "rotated_secrets": ["$old"]}}
    made = moved(hydra(), hashes)
    assert made.registration["client_secret_hash"] == "$hash"
    assert [each.member for each in made.dropped] == ["rotated_secrets"]
    public = moved(hydra(token_endpoint_auth_method="none"), hashes)
    assert "client_secret_hash" not in public.registration


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
        "client_secret": "readable-secret-0123456789",
        "redirect_uris": ["https://k.example/cb"],
        "grant_types": ["authorization_code", "client_credentials", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "logo_uri": "https://k.example/logo",
        "dpop_bound_access_tokens": True,
        "post_logout_redirect_uris": ["https://k.example/1", "https://k.example/2"],
    }
    assert {each.member for each in made.dropped} == {"access.token.lifespan", "consentRequired"}
    assert made.mapped == [Told("secret", "client_secret")]


def test_keys_of_keycloak_come_without_its_unused_secret() -> None:
    key = keycloak(
        clientAuthenticatorType="client-jwt",
        attributes={"use.jwks.string": "true", "jwks.string": '{"keys":[]}'},
    )
    made = moved(key).registration
    assert (made["token_endpoint_auth_method"], made["jwks"]) == ("private_key_jwt", {"keys": []})
    assert "client_secret" not in made
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
        ({"enabled": False}, "disabled"),
        ({"secret": "**********"}, "masked"),
        ({"clientAuthenticatorType": "client-x509", "attributes": {"x509.subjectdn": "CN=.*"}},
         "regular expression"),
    ],
)  # fmt: skip
def test_what_keycloak_has_and_oauth_has_not_is_refused(
    members: dict[str, Any], reason: str
) -> None:
    assert reason in str(moved(keycloak(**members)).refused)


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
