"""pyoidc: WebFinger, configuration, registration, read, token: drive_pyoidc.py BASE_URL."""

from __future__ import annotations

import sys
from importlib.metadata import version

import requests
from common import CALLBACK, SECONDS, Story, delete, update
from oic.oauth2.message import AccessTokenResponse, CCAccessTokenRequest
from oic.oic import Client
from oic.oic.message import ProviderConfigurationResponse, RegistrationResponse
from oic.utils.authn.client import CLIENT_AUTHN_METHOD
from oic.utils.settings import OicClientSettings
from oic.utils.webfinger import OIC_ISSUER

story = Story("oic", version("oic"), base_url := sys.argv[1])


def main() -> None:
    client = Client(
        client_authn_method=CLIENT_AUTHN_METHOD,
        settings=OicClientSettings(verify_ssl=True, timeout=SECONDS),
    )
    issuer = _issuer_by_webfinger(client)
    _provider_config(client, issuer)
    registered = _register(client)
    _token(client, CCAccessTokenRequest())
    read = client.registration_read()
    assert isinstance(read, RegistrationResponse), read
    assert read["client_id"] == client.client_id
    # The library knows no scope at registration: it comes with the update.
    updated = update(registered, client_name="Renamed", scope="openid profile")
    client.store_registration_info(RegistrationResponse(**updated))
    assert client.registration_read()["client_name"] == "Renamed"
    story.tell(read=True, updated=True)
    _token(client, CCAccessTokenRequest(scope="profile"))
    delete(updated)
    story.tell(deleted=True)
    story.habits()
    story.end()


def _issuer_by_webfinger(client: Client) -> str:
    """The library asks https only, so its query is sent without TLS to this machine."""
    host = base_url.removeprefix("http://")
    query = client.wf.query(f"acct:joe@{host.partition(':')[0]}", host=host)
    assert query.startswith(f"https://{host}/.well-known/webfinger?"), query
    answer = requests.get(query.replace("https://", "http://", 1), timeout=SECONDS)
    links = client.wf.load(answer.text)["links"]
    (issuer,) = [link["href"] for link in links if link["rel"] == OIC_ISSUER]
    assert issuer == base_url
    story.tell(webfinger=issuer)
    return str(issuer)


def _provider_config(client: Client, issuer: str) -> None:
    found = client.provider_config(issuer, keys=False)
    assert isinstance(found, ProviderConfigurationResponse)
    assert found["registration_endpoint"] == f"{base_url}/register"
    story.tell(discovered=found["issuer"])


def _register(client: Client) -> dict[str, object]:
    """With all six response types and their grants, as the library's examples do."""
    client.redirect_uris = [CALLBACK]
    made = client.register(
        client.provider_info["registration_endpoint"],
        redirect_uris=[CALLBACK],
        client_name="pyoidc",
        contacts=["ops@client.example.org"],
        grant_types=["authorization_code", "implicit", "client_credentials"],
        response_types=["code", "id_token", "id_token token", "code id_token", "code token",
                        "code id_token token"],
    )  # fmt: skip
    assert isinstance(made, RegistrationResponse), made
    assert made["response_types"] == ["code"]
    # The library sends them in no order.
    assert set(made["grant_types"]) == {"authorization_code", "client_credentials"}
    story.tell(registered=made["client_id"], auth_method=made["token_endpoint_auth_method"])
    kept: dict[str, object] = made.to_dict()
    return kept


def _token(client: Client, request: CCAccessTokenRequest) -> None:
    """The library has the message of the grant and the authentication, but no call for it."""
    authn = client.client_authn_method["client_secret_basic"](client)
    http_args = authn.construct(request, http_args={})
    answer = client.http_request(
        client.provider_info["token_endpoint"],
        method="POST",
        data=request.to_urlencoded(),
        headers=http_args["headers"] | {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 200, answer.text
    token = AccessTokenResponse().from_json(answer.text)
    assert token.verify()
    story.tell(token_type=token["token_type"], scope=token.get("scope"))


main()
