"""Authlib: metadata classes, a session for tokens and management: drive_authlib.py BASE_URL.

Authlib has no client for registration; its server-side classes judge what we send and answer.
"""

from __future__ import annotations

import sys
from importlib.metadata import version

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7591 import ClientMetadataClaims
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from authlib.oidc.discovery import OpenIDProviderMetadata
from authlib.oidc.discovery import get_well_known_url as get_openid_url
from authlib.oidc.registration import ClientMetadataClaims as OpenIDClaims
from common import CALLBACK, SECONDS, Story, bearer, delete, update
from joserfc import jwt
from joserfc.jwk import KeySet

story = Story("authlib", version("authlib"), base_url := sys.argv[1])

REQUEST = {
    "redirect_uris": [CALLBACK],
    "client_name": "Authlib",
    "grant_types": ["authorization_code", "client_credentials"],
    "response_types": ["code"],
    "scope": "openid profile",
    "contacts": ["ops@client.example.org"],
}


def main() -> None:
    metadata = _discover()
    answer = requests.post(metadata["registration_endpoint"], json=REQUEST, timeout=SECONDS)
    assert answer.status_code == 201, answer.text
    client = answer.json()
    _judge(client)
    story.tell(registered=client["client_id"], auth_method=client["token_endpoint_auth_method"])
    _token(metadata, client, "client_secret_basic")

    read = requests.get(
        client["registration_client_uri"],
        headers=bearer(client["registration_access_token"]),
        timeout=SECONDS,
    )
    assert read.json() == {name: client[name] for name in client if name != "client_secret"}
    updated = update(client, token_endpoint_auth_method="client_secret_post")
    story.tell(read=True, updated=True)
    _token(metadata, client, "client_secret_post")
    delete(updated)
    story.tell(deleted=True)
    story.habits()
    story.end()


def _discover() -> dict[str, str]:
    """Authlib builds the addresses and validates; https is demanded, so it sees it as https."""
    for url, judge in (
        (get_openid_url(base_url, external=True), OpenIDProviderMetadata),
        (get_well_known_url(base_url, external=True), AuthorizationServerMetadata),
    ):
        document = requests.get(url, timeout=SECONDS).json()
        assert document["issuer"] == base_url
        secure = base_url.replace("http://", "https://")
        seen = {
            name: value.replace(base_url, secure) if isinstance(value, str) else value
            for name, value in document.items()
        }
        judge(seen).validate()
    story.tell(discovered=document["issuer"])
    found: dict[str, str] = document
    return found


def _judge(client: dict[str, object]) -> None:
    """The answer is client metadata by both of its specifications."""
    for claims in (ClientMetadataClaims, OpenIDClaims):
        known = {name: client[name] for name in client if name in claims.REGISTERED_CLAIMS}
        claims(known, {}, {}).validate()


def _token(metadata: dict[str, str], client: dict[str, str], method: str) -> None:
    session = OAuth2Session(
        client["client_id"],
        client["client_secret"],
        token_endpoint_auth_method=method,
        scope="profile",
    )
    token = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=SECONDS).json())
    claims = jwt.decode(token["access_token"], keys, algorithms=["ES256"]).claims
    assert (claims["iss"], claims["client_id"]) == (base_url, client["client_id"])
    story.tell(token_type=token["token_type"], scope=token["scope"])


main()
