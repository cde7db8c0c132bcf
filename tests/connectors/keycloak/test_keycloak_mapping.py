"""What Keycloak is told of a client, and what it is spared: without Keycloak."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.keycloak.making import wanted
from dcrserver.connectors.client import Fate, WantedClient
from dcrserver.connectors.keycloak import mapping, reading
from dcrserver.connectors.keycloak.judge import judge
from dcrserver.connectors.keycloak.rows import CARRIAGE
from dcrserver.connectors.keycloak.scopes import Facts, Moves, lists, moves
from dcrserver.metadata.catalogue import PARAMETERS
from dcrserver.moving import keycloak as moving
from harness.cases import each
from harness.clients import new_key, public_jwk

MARK = "dcrserver"


def sent(**metadata: Any) -> dict[str, Any]:
    return mapping.representation(wanted("c", **metadata), MARK)


def attributes(**metadata: Any) -> dict[str, Any]:
    found: dict[str, Any] = sent(**metadata)["attributes"]
    return found


def test_the_fate_of_every_member_is_told() -> None:
    assert PARAMETERS.keys() <= CARRIAGE.keys()
    assert all(told.words for told in CARRIAGE.values())


GRANT = "urn:ietf:params:oauth:grant-type:"
_SENT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"standardFlowEnabled": True, "implicitFlowEnabled": False, "publicClient": False,
          "directAccessGrantsEnabled": False, "serviceAccountsEnabled": False, "enabled": True,
          "fullScopeAllowed": False, "consentRequired": True, "webOrigins": ["+"], "baseUrl": "",
          "frontchannelLogout": False, "clientAuthenticatorType": "client-secret"}),
    ({"token_endpoint_auth_method": "none"}, {"publicClient": True}),
    ({"token_endpoint_auth_method": "private_key_jwt"}, {"clientAuthenticatorType": "client-jwt"}),
    ({"token_endpoint_auth_method": "tls_client_auth"}, {"clientAuthenticatorType": "client-x509"}),
    ({"skip_consent": True}, {"consentRequired": False}),
    ({"grant_types": ["client_credentials"], "redirect_uris": None},
     {"serviceAccountsEnabled": True, "standardFlowEnabled": False, "consentRequired": False,
      "redirectUris": [], "webOrigins": []}),
    ({"client_name": "A", "application_display_name": "B"}, {"name": "B"}),
    ({"frontchannel_logout_uri": "https://c.example/f"}, {"frontchannelLogout": True}),
    ({"frontchannel_logout_uri": "https://c.example/f",
      "backchannel_logout_uri": "https://c.example/b"}, {"frontchannelLogout": False}),
    ({"redirect_uris": ["http://127.0.0.1:1/a", "http://127.0.0.1:2/a", "http://[::1]:3/",
                        "http://localhost:4", "https://localhost:5/a", "http://127.0.0.1.evil:6/"]},
     {"redirectUris": ["http://127.0.0.1/a", "http://[::1]/", "http://localhost",
                       "https://localhost:5/a", "http://127.0.0.1.evil:6/"]}),
]  # fmt: skip


@each("metadata, fields", _SENT)
def test_fields(metadata: dict[str, Any], fields: dict[str, Any]) -> None:
    made = sent(**metadata)
    assert {name: made[name] for name in fields} == fields


_ATTRIBUTES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {"post.logout.redirect.uris": "-", "use.refresh.tokens": "true", "logoUri": "",
          "pkce.code.challenge.method": "", "use.jwks.string": "false", "jwks.string": "",
          "backchannel.logout.session.required": "false", "dcrserver.mark": MARK,
          "dcrserver.tenant": "default", "dcrserver.client_id": "c",
          "client.secret.authentication.allowed.method": "client_secret_basic"}),
    ({"grant_types": ["authorization_code"]}, {"use.refresh.tokens": "false"}),
    ({"grant_types": [f"{GRANT}device_code"]},
     {"oauth2.device.authorization.grant.enabled": "true"}),
    ({"post_logout_redirect_uris": ["https://a.example", "http://localhost:1/"]},
     {"post.logout.redirect.uris": "https://a.example##http://localhost/"}),
    ({"token_endpoint_auth_method": "none"}, {"pkce.code.challenge.method": "S256"}),
    ({"token_endpoint_auth_method": "none", "require_pkce": False},
     {"pkce.code.challenge.method": ""}),
    ({"require_pkce": True}, {"pkce.code.challenge.method": "S256"}),
    ({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=a"},
     {"x509.subjectdn": "CN=a", "x509.allow.regex.pattern.comparison": "false"}),
    ({"jwks_uri": "https://c.example/k"}, {"use.jwks.url": "true", "use.jwks.string": "false",
                                           "jwks.url": "https://c.example/k"}),
    ({"require_signed_request_object": True},
     {"request.object.required": "request or request_uri"}),
    ({"authorization_code_access_token_lifetime": 300,
      "client_credentials_access_token_lifetime": 200}, {"access.token.lifespan": "200"}),
    ({"contacts": ["a@b.example"], "software_id": "s", "client_name#de": "Beispiel"},
     {"dcrserver.member.contacts": '["a@b.example"]', "dcrserver.member.software_id": "s",
      "dcrserver.member.client_name#de": "Beispiel"}),
]  # fmt: skip


@each("metadata, told", _ATTRIBUTES)
def test_attributes(metadata: dict[str, Any], told: dict[str, str]) -> None:
    made = attributes(**metadata)
    assert {name: made[name] for name in told} == told


EC, RSA = public_jwk(new_key("ES256")), public_jwk(new_key("RS256"), "RS256")
ENCRYPTED = {"id_token_encrypted_response_alg": "RSA-OAEP"}


@each("key, metadata, told", [
    (EC, {}, {"use": "sig"}),
    (EC | {"use": "sig"}, {}, {"use": "sig"}),
    (RSA, {}, {"use": "sig"}),
    (RSA | {"key_ops": ["verify"]}, ENCRYPTED, {"use": "sig"}),
    (RSA | {"alg": "PS256"}, ENCRYPTED, {"use": "sig"}),
    (RSA | {"use": "enc"}, ENCRYPTED, {"use": "enc", "alg": "RSA-OAEP"}),
    (RSA | {"alg": "RSA-OAEP"}, ENCRYPTED, {"use": "enc"}),
    (RSA | {"key_ops": ["encrypt"]}, ENCRYPTED, {"use": "enc", "alg": "RSA-OAEP"}),
    (RSA, ENCRYPTED, None),
    (EC, ENCRYPTED, {"use": "sig"}),
    (RSA | {"use": "enc"}, {}, {}),
    (RSA | {"use": "enc"},
     ENCRYPTED | {"userinfo_encrypted_response_alg": "RSA-OAEP-256"}, None),
])  # fmt: skip
def test_keys_say_what_they_are_for_or_are_refused(
    key: dict[str, Any], metadata: dict[str, Any], told: dict[str, Any] | None
) -> None:
    client = wanted(jwks={"keys": [key]}, **metadata)
    refused = [each.member for each in judge(client).objections]
    assert refused == ([] if told is not None else ["jwks"])
    if told is not None:
        found = json.loads(attributes(jwks={"keys": [key]}, **metadata)["jwks.string"])
        assert found == {"keys": [key | told]}


LONG = "x" * 256


@each("metadata, member", [
    ({"client_name": LONG}, "client_name"),
    ({"client_name#de": LONG}, None),
    ({f"client_name#de-{LONG}": "x"}, f"client_name#de-{LONG}"),
    ({"client_uri": f"https://c.example/{LONG}"}, "client_uri"),
    ({"redirect_uris": [f"https://c.example/{LONG}"]}, "redirect_uris"),
    ({"tos_uri": f"https://c.example/{LONG}"}, None),
    ({"client_name": "${client_account}"}, "client_name"),
    ({"redirect_uris": ["https://c.example/*"]}, "redirect_uris"),
    ({"redirect_uris": ["*"]}, "redirect_uris"),
    ({"redirect_uris": ["/relative"]}, "redirect_uris"),
    ({"redirect_uris": ["https://c.example/#f"]}, "redirect_uris"),
    ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"),
    ({"redirect_uris": ["com.example.app:/cb"]}, None),
    ({"post_logout_redirect_uris": ["https://c.example/*"]}, "post_logout_redirect_uris"),
    ({"request_uris": ["https://c.example/a##b"]}, "request_uris"),
    ({"id_token_signed_response_alg": "HS256"}, "id_token_signed_response_alg"),
    ({"id_token_signed_response_alg": "none"}, "id_token_signed_response_alg"),
    ({"userinfo_signed_response_alg": "Ed25519"}, "userinfo_signed_response_alg"),
    ({"id_token_encrypted_response_alg": "dir"}, "id_token_encrypted_response_alg"),
    ({"token_endpoint_auth_method": "self_signed_tls_client_auth"}, "token_endpoint_auth_method"),
    ({"token_endpoint_auth_method": "tls_client_auth"}, "tls_client_auth_subject_dn"),
    ({"grant_types": ["urn:ietf:params:oauth:grant-type:saml2-bearer"]}, "grant_types"),
    ({"require_signed_request_object": True}, "request_object_signing_alg"),
    ({"require_signed_request_object": True, "request_object_signing_alg": "ES256"}, None),
    ({"backchannel_token_delivery_mode": "push"}, "backchannel_token_delivery_mode"),
    ({"backchannel_token_delivery_mode": "ping"}, "backchannel_client_notification_endpoint"),
    ({"software_id": "a\x00b"}, "software_id"),
    ({"subject_type": "pairwise"}, None),
    ({"subject_type": "pairwise",
      "redirect_uris": ["https://a.example:1/", "https://a.example/x"]}, None),
    ({"subject_type": "pairwise",
      "redirect_uris": ["https://a.example/", "https://A.example/"]}, "sector_identifier_uri"),
    ({"subject_type": "pairwise",
      "redirect_uris": ["https://a.example/", "com.example.app:/cb"]}, "sector_identifier_uri"),
    ({"subject_type": "pairwise",
      "redirect_uris": ["com.example.app:/cb"]}, "sector_identifier_uri"),
    ({"subject_type": "pairwise", "redirect_uris": []}, "sector_identifier_uri"),
])  # fmt: skip
def test_what_keycloak_would_choke_on_is_refused_before(
    metadata: dict[str, Any], member: str | None
) -> None:
    found = judge(wanted(**metadata)).objections
    assert [each.member for each in found] == ([member] if member else [])
    assert all(each.text.startswith(f"{each.member} ") for each in found)


@each("client_id, is_fit", [
    ("a" * 255, True), ("a" * 256, False), ("https://c.example/client.json", True),
    ("a%41", False), ("100%", True),
])  # fmt: skip
def test_identifiers(client_id: str, is_fit: bool) -> None:  # noqa: FBT001
    assert (judge(wanted(client_id)).objections == ()) is is_fit


def test_what_is_lost_is_told_and_what_says_nothing_is_not() -> None:
    client = wanted(
        default_max_age=60, require_auth_time=True, backchannel_user_code_parameter=False,
        introspection_signed_response_alg="RS256", id_token_lifetime=60,
    )  # fmt: skip
    assert mapping.lost(client.metadata) == {"default_max_age": None, "id_token_lifetime": None}
    warned = {each.member for each in judge(client).warnings}
    assert warned == {"default_max_age", "id_token_lifetime"}
    assert CARRIAGE["default_max_age"].fate is Fate.DROPPED


def test_offline_access_is_left_out_where_there_are_no_refresh_tokens() -> None:
    scope = "openid offline_access"
    without = wanted(grant_types=["authorization_code"], scope=scope)
    assert judge(without).corrections == {"scope": "openid"}
    assert judge(wanted(scope=scope)).corrections == {}


@each("change, is_other", [
    ({}, False),
    ({"client_name": "Other"}, True),
    ({"scope": "b a"}, False),
    ({"scope": "a"}, True),
    ({"audience": ["https://api.example.org"]}, True),
    ({"subject_type": "pairwise"}, True),
    ({"contacts": ["a@b.example"]}, True),
])  # fmt: skip
def test_a_fingerprint_is_another_where_something_else_would_be_sent(
    change: dict[str, Any],
    is_other: bool,  # noqa: FBT001
) -> None:
    one, other = wanted("c", scope="a b"), wanted("c", **({"scope": "a b"} | change))
    assert (mapping.fingerprint(one, MARK) != mapping.fingerprint(other, MARK)) is is_other


def test_suspension_and_ownership_are_sent_and_the_hour_of_a_secret_is_not() -> None:
    one = wanted("c")
    told = {
        mapping.fingerprint(each, MARK)
        for each in (one, one._replace(is_active=False), one._replace(owner="o"))
    }
    assert len(told) == 3
    again = one._replace(previous_until=7)
    assert mapping.fingerprint(again, MARK) == mapping.fingerprint(one, MARK)


def test_no_secret_is_in_what_is_told_of_a_client() -> None:
    there = {
        "clientId": "c", "secret": "s3cr3t", "registrationAccessToken": "s3cr3t",
        "attributes": {"client.secret.rotated": "s3cr3t", "client.secret.creation.time": "7"},
        "protocolMappers": [
            {"name": "dcrserver.pairwise", "config": {"pairwiseSubAlgorithmSalt": "s3cr3t"}}
        ],
    }  # fmt: skip
    shown = mapping.without_secrets(there)
    assert "s3cr3t" not in str(shown)
    assert shown["attributes"] == {"client.secret.creation.time": "7"}
    assert "s3cr3t" not in str(moving.metadata(there))


@pytest.mark.parametrize("salt", ["there", ""])
def test_a_salt_that_is_there_stays(salt: str) -> None:
    wanted_ones = mapping.mappers({"subject_type": "pairwise"}, "new")
    before = mapping.mappers({"subject_type": "pairwise"}, salt)
    by_hand = {"name": "by hand", "id": "1"}
    merged = mapping.merged_mappers(wanted_ones, {"protocolMappers": [by_hand, *before]})
    assert merged[0] == by_hand
    assert f"'pairwiseSubAlgorithmSalt': '{salt or 'new'}'" in str(merged[1])


FACTS = Facts(
    ids={name: f"id-{name}" for name in ("basic", "acr", "email", "phone", "profile", "extra")},
    internal=frozenset({"basic", "acr", "extra"}),
    default=frozenset({"basic", "acr", "profile"}),
    optional=frozenset({"phone"}),
)


def test_a_new_client_has_what_the_realm_needs_and_may_ask_for_its_scope() -> None:
    assert lists(FACTS, {"scope": "openid email basic"}) == of(["acr", "basic"], ["email"])
    offline = FACTS._replace(optional=frozenset({"phone", "offline_access"}))
    assert lists(offline, {}) == of(["acr", "basic", "profile"], ["phone"])
    hidden = FACTS._replace(optional=frozenset({"phone", "extra"}))
    assert lists(hidden, {}) == of(["acr", "basic", "profile"], ["phone"])


def test_a_new_client_that_has_what_the_realm_gives_names_no_scopes() -> None:
    """Keycloak would give them, and take each away to give it again."""
    offline = FACTS._replace(optional=frozenset({"phone", "offline_access"}))
    assert lists(offline, {"grant_types": ["refresh_token"]}) == {}
    assert lists(FACTS, {}) == {}


def of(default: list[str], optional: list[str]) -> dict[str, Any]:
    return {"defaultClientScopes": default, "optionalClientScopes": optional}


@each("scope, there, moved", [
    ("openid email", of(["basic", "acr"], ["email"]), Moves([], [])),
    ("openid email", of(["basic", "acr", "email", "extra"], []), Moves([], [])),
    ("openid email", of(["acr"], ["phone"]),
     Moves([("id-basic", True), ("id-email", False)], [("id-phone", False)])),
    ("openid", of(["acr", "basic", "profile"], []), Moves([], [("id-profile", True)])),
    (None, of(["acr", "basic"], ["email"]),
     Moves([("id-phone", False), ("id-profile", True)], [("id-email", False)])),
])  # fmt: skip
def test_scopes_are_moved_to_what_is_wanted(
    scope: str | None, there: dict[str, Any], moved: Moves
) -> None:
    assert moves(FACTS, {"scope": scope} if scope else {}, there) == moved


def test_a_mark_says_whose_client_it_is() -> None:
    client = WantedClient("acme", "c", {})
    found = mapping.mark_of(mapping.representation(client, MARK))
    assert found == mapping.Mark(MARK, "acme", "c")
    assert mapping.mark_of({"clientId": "c", "attributes": {"dcrserver.tenant": "acme"}}) is None


def test_a_copy_of_a_client_of_ours_is_nobodys() -> None:
    there = mapping.representation(wanted("c"), MARK) | {"id": "u"}
    assert reading.remote(there, "openid").mark == MARK
    copied = reading.remote(there | {"id": "v", "clientId": "copy-of-c"}, "openid")
    assert (copied.mark, copied.tenant) == (None, None)
