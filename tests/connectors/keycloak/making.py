"""Clients as connectors are told of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from dcrserver.connectors.client import WantedClient
from dcrserver.connectors.keycloak.connector import KeycloakConnector

MakeConnector = Callable[..., KeycloakConnector]

CALLBACK = "https://client.example.org/cb"
TENANT = "default"


def wanted(client_id: str | None = None, **metadata: Any) -> WantedClient:
    """A client as a plain registration makes it, with ``metadata`` beside or in place of that."""
    usual = {
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "id_token_signed_response_alg": "RS256",
        "application_type": "web",
    }
    given = {name: each for name, each in (usual | metadata).items() if each is not None}
    return WantedClient(TENANT, client_id or f"c-{uuid.uuid4()}", given)
