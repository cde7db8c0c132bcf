"""What tests of connectors tell them: clients, secrets, and the settings of a target."""

from __future__ import annotations

from typing import Any

from dcrserver.connectors.client import NewSecret, WantedClient
from dcrserver.settings import ConnectorSettings

CALLBACK = "https://client.example.org/cb"
SECRET = NewSecret("cs_of-ours")


def wanted(client_id: str = "c", **members: Any) -> WantedClient:
    """A client of tenant ``default``; what is a field of ``WantedClient`` is no member."""
    fields = {name: members.pop(name) for name in list(members) if name in WantedClient._fields}
    metadata = {
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    } | members
    return WantedClient(fields.pop("tenant", "default"), client_id, metadata, **fields)


def target(kind: str, **settings: Any) -> ConnectorSettings:
    return ConnectorSettings.model_validate({"kind": kind, "timeout": 5} | settings)
