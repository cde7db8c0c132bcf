"""idpyoidc: provider info, registration, read, client credentials: drive_idpyoidc.py BASE_URL."""

from __future__ import annotations

import sys
from importlib.metadata import version

from common import CALLBACK, Story, delete, update
from idpyoidc.client.oidc import RP
from idpyoidc.message.oauth2 import AccessTokenResponse
from idpyoidc.message.oidc import ProviderConfigurationResponse, RegistrationResponse

story = Story("idpyoidc", version("idpyoidc"), base_url := sys.argv[1])

SERVICES = {
    "provider_info": {
        "class": "idpyoidc.client.oidc.provider_info_discovery.ProviderInfoDiscovery"
    },
    "registration": {"class": "idpyoidc.client.oidc.registration.Registration"},
    "authorization": {"class": "idpyoidc.client.oidc.authorization.Authorization"},
    "accesstoken": {"class": "idpyoidc.client.oidc.access_token.AccessToken"},
    "registration_read": {"class": "idpyoidc.client.oidc.read_registration.RegistrationRead"},
    "client_credentials": {
        "class": "idpyoidc.client.oauth2.client_credentials.CCAccessTokenRequest"
    },
}
CONFIG = {
    "issuer": base_url,
    "base_url": "https://client.example.org",
    "callback_uris": {"redirect_uris": {"query": [CALLBACK]}},
    "client_name": "idpyoidc",
    "client_authn_methods": ["client_secret_basic"],
    "contacts": ["ops@client.example.org"],
    "grant_types_supported": ["authorization_code", "client_credentials"],
    "response_types_supported": ["code", "id_token", "code id_token"],
    "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    "scopes_supported": ["openid", "profile"],
}


def main() -> None:
    client = RP(config=CONFIG, services=SERVICES, httpc_params={"verify": True, "timeout": 20})
    context = client.get_service_context()
    context.issuer = base_url
    found = client.do_request("provider_info")
    assert isinstance(found, ProviderConfigurationResponse), found
    assert found["registration_endpoint"] == f"{base_url}/register"
    story.tell(discovered=found["issuer"])

    registered = client.do_request("registration")
    assert isinstance(registered, RegistrationResponse), registered
    assert registered["response_types"] == ["code"]
    story.tell(
        registered=registered["client_id"], auth_method=registered["token_endpoint_auth_method"]
    )
    kept = registered.to_dict()
    # The library sends no grant_types of machines; an update adds the grant.
    kept = update(kept, grant_types=["authorization_code", "client_credentials"], scope="profile")
    context.registration_response = RegistrationResponse(**kept)
    read = client.do_request("registration_read", authn_method="client_secret_basic")
    assert isinstance(read, RegistrationResponse), read
    assert read["grant_types"] == ["authorization_code", "client_credentials"]
    story.tell(read=True, updated=True)

    token = client.do_request(
        "client_credentials", request_args={"scope": "profile"}, authn_method="client_secret_basic"
    )
    assert isinstance(token, AccessTokenResponse), token
    story.tell(token_type=token["token_type"], scope=token["scope"])
    delete(kept)
    story.tell(deleted=True)
    story.habits()
    story.end()


main()
