"""What documents show: a client."""

from __future__ import annotations

from dcrserver.strict_json import JsonObject

EXAMPLE_ID = "3f1c0b7e9d2a4c58a6b1e0d4f7c29b83"

REQUEST_EXAMPLE: JsonObject = {
    "redirect_uris": ["https://client.example.org/callback"],
    "client_name": "Example client",
    "client_name#fr": "Exemple de client",
    "grant_types": ["authorization_code", "client_credentials"],
    "token_endpoint_auth_method": "client_secret_basic",
    "scope": "openid profile",
    "contacts": ["admin@client.example.org"],
}
