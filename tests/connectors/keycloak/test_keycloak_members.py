"""What members a real Keycloak was seen to act upon, each tried from outside."""

from __future__ import annotations

import itertools
import re
from typing import Any

import httpx
import jwt
import pytest

from connectors.keycloak.making import CALLBACK, wanted
from dcrserver.connectors.client import NewSecret, WantedClient
from dcrserver.connectors.failures import TargetRefused
from dcrserver.connectors.keycloak.connector import KeycloakConnector
from dcrserver.connectors.keycloak.judge import _SIGNATURES
from harness.clients import assertion, new_key, public_jwk
from harness.keycloak import Keycloak
from harness.long_run import only_long
from harness.signing_in import Program, Refused, sign_in, tokens

pytestmark = [only_long, pytest.mark.timeout(600)]

INVALID = re.compile(r"invalid.request", re.IGNORECASE)
SECRET = NewSecret("one-" + "x" * 40)


async def made(connector: KeycloakConnector, **metadata: Any) -> tuple[WantedClient, Program]:
    client = wanted(**metadata)
    assert connector.judge(client).objections == ()
    await connector.create(client, SECRET)
    is_secret = client.metadata["token_endpoint_auth_method"] == "client_secret_basic"
    return client, Program(client.client_id, SECRET.value if is_secret else "")


def user_info(server: Keycloak, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(server.endpoint("userinfo"), headers=headers, trust_env=False).text


def shared_with(server: Keycloak, program: Program, origin: str) -> str | None:
    """The origin whose pages may read the answer of the token endpoint."""
    answer = httpx.post(
        server.endpoint("token"), data={"grant_type": "client_credentials"},
        auth=(program.client_id, program.secret), headers={"Origin": origin}, trust_env=False,
    )  # fmt: skip
    return answer.headers.get("access-control-allow-origin")


async def test_public_clients_need_pkce_and_others_where_it_is_said(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    without = {"code_challenge": "", "code_challenge_method": ""}
    for metadata in ({"token_endpoint_auth_method": "none"}, {"require_pkce": True}):
        _, program = await made(connector, **metadata)
        with pytest.raises(Refused, match="invalid_request"):
            sign_in(server, program, **without)
        assert sign_in(server, program)
    _, program = await made(connector)
    assert sign_in(server, program, **without)


async def test_id_tokens_are_signed_as_registered(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    """By all algorithms that we let through: any of others would break the token endpoint."""
    for algorithm in _SIGNATURES:
        _, program = await made(connector, id_token_signed_response_alg=algorithm)
        token = sign_in(server, program)["id_token"]
        assert jwt.get_unverified_header(token)["alg"] == algorithm


async def test_id_tokens_and_user_info_are_encrypted_as_registered(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    """By keys that say neither their use nor their algorithm as Keycloak wants it."""
    rsa = public_jwk(new_key("RS256"), "RS256", kid="r", use="enc")
    ec = public_jwk(new_key("ES256"), "ES256", kid="e", key_ops=["deriveKey"])
    keys = [(rsa, "RSA-OAEP"), (rsa, "RSA-OAEP-256"), (ec, "ECDH-ES"), (ec, "ECDH-ES+A256KW")]
    for key, algorithm in keys:
        _, program = await made(
            connector, jwks={"keys": [key]}, id_token_encrypted_response_alg=algorithm,
            id_token_encrypted_response_enc="A128CBC-HS256",
            userinfo_encrypted_response_alg=algorithm,
            userinfo_encrypted_response_enc="A256GCM", userinfo_signed_response_alg="ES256",
        )  # fmt: skip
        got = sign_in(server, program)
        for token in (got["id_token"], user_info(server, got["access_token"])):
            assert jwt.utils.base64url_decode(token.split(".")[0]).count(algorithm.encode()) == 1
            assert token.count(".") == 4


async def test_secrets_are_taken_by_the_registered_method_alone(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    url = server.endpoint("token")

    def works(client_id: str, method: str) -> bool:
        form, auth = {"grant_type": "client_credentials"}, None
        if method == "client_secret_basic":
            auth = (client_id, SECRET.value)
        elif method == "client_secret_post":
            form |= {"client_id": client_id, "client_secret": SECRET.value}
        else:
            form |= assertion(client_id, SECRET.value.encode(), "HS256", aud=url)
        return httpx.post(url, data=form, auth=auth, trust_env=False).is_success

    methods = ("client_secret_basic", "client_secret_post", "client_secret_jwt")
    clients = {
        method: wanted(
            token_endpoint_auth_method=method, grant_types=["client_credentials"],
            redirect_uris=None, response_types=[],
        )
        for method in methods
    }  # fmt: skip
    for client in clients.values():
        await connector.create(client, SECRET)
    for registered, used in itertools.product(methods, methods):
        assert works(clients[registered].client_id, used) is (registered == used), (
            registered,
            used,
        )


async def test_demands_on_requests_are_enforced(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    key = new_key("ES256")
    jwks = {"keys": [public_jwk(key, kid="k")]}
    cases: list[dict[str, Any]] = [
        {"require_pushed_authorization_requests": True},
        {"dpop_bound_access_tokens": True},
        {"require_signed_request_object": True, "request_object_signing_alg": "ES256",
         "jwks": jwks},
    ]  # fmt: skip
    for metadata in cases:
        client, program = await made(connector, **metadata)
        with pytest.raises(Refused, match=INVALID):
            sign_in(server, program)
    unsigned = jwt.encode({"client_id": client.client_id}, None, "none")
    with pytest.raises(Refused, match=INVALID):
        sign_in(server, program, request=unsigned)
    claims = {
        "client_id": client.client_id, "redirect_uri": CALLBACK, "response_type": "code",
        "scope": "openid", "aud": f"{server.url}/realms/acme", "iss": client.client_id,
    }  # fmt: skip
    signed = jwt.encode(claims, key, "ES256", headers={"kid": "k"})
    assert sign_in(server, program, request=signed)


async def test_people_are_sent_after_logout_only_where_it_was_registered(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    def status(client: WantedClient, uri: str) -> int:
        parameters = {"client_id": client.client_id, "post_logout_redirect_uri": uri}
        url = server.endpoint("logout")
        return httpx.get(url, params=parameters, trust_env=False).status_code

    bye, local = "https://client.example.org/bye", "http://127.0.0.1:7/bye"
    client, _ = await made(connector, post_logout_redirect_uris=[bye, local])
    found = [status(client, uri) for uri in (bye, local, "http://127.0.0.1:9/bye", CALLBACK)]
    assert found == [302, 302, 302, 400]
    without, _ = await made(connector)
    assert status(without, CALLBACK) == 400


async def test_browsers_may_ask_from_the_origin_of_the_client_alone(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    grants = ["authorization_code", "client_credentials"]
    _, program = await made(connector, grant_types=grants)
    for origin, allowed in (("https://client.example.org", True), ("https://evil.example", False)):
        assert (shared_with(server, program, origin) == origin) is allowed


@pytest.mark.parametrize(("metadata", "told"), [
    ({"default_acr_values": ["gold"]}, "ACR values"),
    ({"subject_type": "pairwise",
      "sector_identifier_uri": "https://sector.invalid/uris"}, "Sector Identifier"),
    ({"scope": "openid nowhere"}, "scope: "),
    ({"refresh_token_lifetime": 10**8}, "session max lifespan"),
])  # fmt: skip
async def test_what_the_realm_will_not_have_is_refused_in_its_words(
    connector: KeycloakConnector, metadata: dict[str, Any], told: str
) -> None:
    client = wanted(**metadata)
    with pytest.raises(TargetRefused) as refused:
        await connector.create(client, SECRET)
    assert told in refused.value.reason
    assert str(refused.value).startswith("front: ")
    assert await connector.read("default", client.client_id, None) is None


async def test_a_machine_exchanges_tokens_and_has_no_refresh_tokens_unless_it_asked(
    connector: KeycloakConnector, server: Keycloak
) -> None:
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    _, program = await made(connector, grant_types=["client_credentials", exchange])
    got = tokens(server, program, grant_type="client_credentials")
    assert "refresh_token" not in got
    again = tokens(
        server, program, grant_type=exchange, subject_token=got["access_token"],
        subject_token_type="urn:ietf:params:oauth:token-type:access_token",
    )  # fmt: skip
    assert again["access_token"]
    _, other = await made(connector, grant_types=["authorization_code"])
    assert "refresh_token" not in sign_in(server, other)
