"""Each row of what becomes of a member, at a real Keycloak: set, cleared, and set again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.keycloak.making import TENANT, MakeConnector, wanted
from dcrserver.connectors.client import NewSecret
from dcrserver.connectors.keycloak.connector import KeycloakConnector
from harness.clients import new_key, public_jwk
from harness.keycloak import ROTATING_REALM
from harness.keycloak_administrator import Administrator
from harness.long_run import only_long

pytestmark = [only_long, pytest.mark.timeout(600)]

SECRET = NewSecret("one-" + "x" * 40)
GRANT = "urn:ietf:params:oauth:grant-type:"
HOST = "https://client.example.org"
SIGNING, ENCRYPTING = public_jwk(new_key("ES256")), public_jwk(new_key("RS256"), "RS256")
JWKS = {"keys": [SIGNING | {"kid": "s"}, ENCRYPTING | {"kid": "e", "use": "enc"}]}
SENT_JWKS = {"keys": [JWKS["keys"][0] | {"use": "sig"}, JWKS["keys"][1] | {"alg": "RSA-OAEP"}]}
Row = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


# What is registered, the members that Keycloak then has, and the attributes.
ROWS: list[Row] = [
    ({"client_name": "A & <b>"}, {"name": "A & <b>"}, {}),
    ({"client_uri": HOST}, {"baseUrl": HOST}, {}),
    ({"logo_uri": f"{HOST}/l", "policy_uri": f"{HOST}/p", "tos_uri": f"{HOST}/t"}, {},
     {"logoUri": f"{HOST}/l", "policyUri": f"{HOST}/p", "tosUri": f"{HOST}/t"}),
    ({"redirect_uris": [f"{HOST}/cb", "http://127.0.0.1:8/cb", "com.example.app:/cb"]},
     {"redirectUris": ["com.example.app:/cb", "http://127.0.0.1/cb", f"{HOST}/cb"],
      "webOrigins": ["+"]}, {}),
    ({"post_logout_redirect_uris": [f"{HOST}/1", f"{HOST}/2"]}, {},
     {"post.logout.redirect.uris": f"{HOST}/1##{HOST}/2"}),
    ({"grant_types": ["implicit", "authorization_code"], "response_types": ["code id_token"]},
     {"standardFlowEnabled": True, "implicitFlowEnabled": True},
     {"use.refresh.tokens": "false"}),
    ({"grant_types": ["password", "client_credentials"]},
     {"directAccessGrantsEnabled": True, "serviceAccountsEnabled": True,
      "standardFlowEnabled": False}, {}),
    ({"grant_types": [f"{GRANT}device_code"]}, {},
     {"oauth2.device.authorization.grant.enabled": "true"}),
    ({"grant_types": [f"{GRANT}token-exchange", f"{GRANT}jwt-bearer", "client_credentials"]}, {},
     {"standard.token.exchange.enabled": "true", "oauth2.jwt.authorization.grant.enabled": "true"}),
    ({"grant_types": ["urn:openid:params:grant-type:ciba"],
      "backchannel_token_delivery_mode": "ping",
      "backchannel_client_notification_endpoint": f"{HOST}/n",
      "backchannel_authentication_request_signing_alg": "ES256"}, {},
     {"oidc.ciba.grant.enabled": "true", "ciba.backchannel.token.delivery.mode": "ping",
      "ciba.backchannel.client.notification.endpoint": f"{HOST}/n",
      "ciba.backchannel.auth.request.signing.alg": "ES256"}),
    ({"token_endpoint_auth_method": "none"}, {"publicClient": True},
     {"pkce.code.challenge.method": "S256"}),
    ({"token_endpoint_auth_method": "client_secret_post"},
     {"clientAuthenticatorType": "client-secret", "publicClient": False},
     {"client.secret.authentication.allowed.method": "client_secret_post"}),
    ({"token_endpoint_auth_method": "client_secret_jwt",
      "token_endpoint_auth_signing_alg": "HS256"},
     {"clientAuthenticatorType": "client-secret-jwt"},
     {"token.endpoint.auth.signing.alg": "HS256",
      "client.secret.authentication.allowed.method": None}),
    ({"token_endpoint_auth_method": "private_key_jwt", "jwks": JWKS,
      "token_endpoint_auth_signing_alg": "ES256", "id_token_encrypted_response_alg": "RSA-OAEP"},
     {"clientAuthenticatorType": "client-jwt"},
     {"use.jwks.string": "true", "use.jwks.url": "false", "jwks.string": SENT_JWKS,
      "token.endpoint.auth.signing.alg": "ES256"}),
    ({"jwks_uri": f"{HOST}/jwks"}, {},
     {"use.jwks.url": "true", "jwks.url": f"{HOST}/jwks", "use.jwks.string": "false"}),
    ({"token_endpoint_auth_method": "tls_client_auth",
      "tls_client_auth_subject_dn": "CN=c,O=Example",
      "tls_client_certificate_bound_access_tokens": True},
     {"clientAuthenticatorType": "client-x509"},
     {"x509.subjectdn": "CN=c,O=Example", "x509.allow.regex.pattern.comparison": "false",
      "tls.client.certificate.bound.access.tokens": "true"}),
    ({"require_pkce": True}, {}, {"pkce.code.challenge.method": "S256"}),
    ({"id_token_signed_response_alg": "PS512", "id_token_encrypted_response_alg": "RSA-OAEP-256",
      "id_token_encrypted_response_enc": "A256GCM"}, {},
     {"id.token.signed.response.alg": "PS512", "id.token.encrypted.response.alg": "RSA-OAEP-256",
      "id.token.encrypted.response.enc": "A256GCM"}),
    ({"userinfo_signed_response_alg": "EdDSA", "userinfo_encrypted_response_alg": "ECDH-ES",
      "userinfo_encrypted_response_enc": "A128GCM"}, {},
     {"user.info.response.signature.alg": "EdDSA", "user.info.encrypted.response.alg": "ECDH-ES",
      "user.info.encrypted.response.enc": "A128GCM"}),
    ({"authorization_signed_response_alg": "ES384",
      "authorization_encrypted_response_alg": "RSA-OAEP",
      "authorization_encrypted_response_enc": "A128CBC-HS256"}, {},
     {"authorization.signed.response.alg": "ES384",
      "authorization.encrypted.response.alg": "RSA-OAEP",
      "authorization.encrypted.response.enc": "A128CBC-HS256"}),
    ({"request_object_signing_alg": "ES256", "require_signed_request_object": True,
      "request_object_encryption_alg": "RSA-OAEP", "request_object_encryption_enc": "A128GCM",
      "request_uris": [f"{HOST}/r#1", f"{HOST}/r#2"]}, {},
     {"request.object.signature.alg": "ES256", "request.object.required": "request or request_uri",
      "request.object.encryption.alg": "RSA-OAEP", "request.object.encryption.enc": "A128GCM",
      "request.uris": f"{HOST}/r#1##{HOST}/r#2"}),
    ({"require_pushed_authorization_requests": True, "dpop_bound_access_tokens": True}, {},
     {"require.pushed.authorization.requests": "true", "dpop.bound.access.tokens": "true"}),
    ({"backchannel_logout_uri": f"{HOST}/b", "backchannel_logout_session_required": True},
     {"frontchannelLogout": False},
     {"backchannel.logout.url": f"{HOST}/b", "backchannel.logout.session.required": "true"}),
    ({"frontchannel_logout_uri": f"{HOST}/f", "frontchannel_logout_session_required": True},
     {"frontchannelLogout": True},
     {"frontchannel.logout.url": f"{HOST}/f", "frontchannel.logout.session.required": "true"}),
    ({"authorization_code_access_token_lifetime": 120, "refresh_token_lifetime": 600,
      "skip_consent": True}, {"consentRequired": False},
     {"access.token.lifespan": "120", "client.session.max.lifespan": "600"}),
    ({"contacts": ["a@b.example"], "software_id": "s", "initiate_login_uri": f"{HOST}/i",
      "client_name#de": "Beispiel"}, {},
     {"dcrserver.member.contacts": '["a@b.example"]', "dcrserver.member.software_id": "s",
      "dcrserver.member.initiate_login_uri": f"{HOST}/i",
      "dcrserver.member.client_name#de": "Beispiel"}),
]  # fmt: skip


def parsed(text: str | None) -> object:
    return json.loads(text) if text and text.startswith("{") else None


async def test_each_member_is_stored_cleared_and_stored_again(
    connector: KeycloakConnector, admin: Administrator
) -> None:
    """Under another name nothing there would act on it."""
    wrong: list[str] = []

    def compare(step: str, row: Row, client_id: str) -> None:
        there = admin.client(client_id)
        assert there
        for name, value in row[1].items():
            found = sorted(there[name]) if isinstance(there.get(name), list) else there.get(name)
            if found != value:
                wrong.append(f"{step} {row[0]}: {name} is {found}")
        found = {name: there["attributes"].get(name) for name in row[2]}
        wrong.extend(
            f"{step} {row[0]}: {name} is {each}"
            for name, each in found.items()
            if each != row[2][name] and parsed(each) != row[2][name]
        )

    for row in ROWS:
        client = wanted(**row[0])
        assert connector.judge(client).objections == ()
        held = (await connector.create(client, SECRET)).held
        compare("made", row, client.client_id)
        bare = wanted(client.client_id)
        await connector.update(bare, held, SECRET)
        read = await connector.read(TENANT, client.client_id, held)
        assert read is not None
        wrong += [f"cleared {row[0]}: {each}" for each in connector.differences(bare, read)]
        await connector.update(client, held, SECRET)
        compare("set again", row, client.client_id)
        await connector.delete(TENANT, client.client_id, held)
    assert wrong == []


async def test_a_public_client_has_no_secret_and_a_pairwise_one_has_a_salt(
    connector: KeycloakConnector, admin: Administrator
) -> None:
    public = wanted(token_endpoint_auth_method="none")
    await connector.create(public, None)
    assert not (admin.client(public.client_id) or {}).get("secret")
    pairwise = wanted(subject_type="pairwise", audience=["https://api.example.org"])
    await connector.create(pairwise, SECRET)
    mappers = (admin.client(pairwise.client_id) or {})["protocolMappers"]
    by_kind = {each["protocolMapper"]: each["config"] for each in mappers}
    assert len(by_kind["oidc-sha256-pairwise-sub-mapper"]["pairwiseSubAlgorithmSalt"]) == 64
    audience = by_kind["oidc-audience-mapper"]
    assert audience["included.custom.audience"] == "https://api.example.org"


async def test_acr_values_are_kept_where_the_realm_knows_them(
    connect: MakeConnector, admin: Administrator
) -> None:
    connector, known = connect(realm=ROTATING_REALM), {"acr.loa.map": '{"gold":"2","silver":"1"}'}
    admin.call("PUT", f"/{ROTATING_REALM}", {"attributes": known})
    client = wanted(default_acr_values=["gold", "silver"])
    await connector.create(client, SECRET)
    there = admin.client(client.client_id, ROTATING_REALM)
    assert there
    assert there["attributes"]["default.acr.values"] == "gold##silver"
