"""What docs/mcp.md says of clients in use: they register as they come."""

from __future__ import annotations

import pytest

from dcrserver.metadata import Policy, Terms
from dcrserver.metadata.capabilities import capabilities_of, presumed, restrict
from dcrserver.strict_json import JsonObject
from metadata.support import validate_by

POLICY = Policy(preset="mcp")
TERMS = Terms(policy=POLICY, server=capabilities_of(restrict(presumed(POLICY), POLICY)))
GRANTS = ["authorization_code", "refresh_token"]
# What each sends, and what is told to it.
CLIENTS: dict[str, tuple[JsonObject, JsonObject]] = {
    "Claude": (
        {
            "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"],
            "grant_types": [*GRANTS, "urn:ietf:params:oauth:grant-type:jwt-bearer"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_post",
        },
        {"token_endpoint_auth_method": "client_secret_post", "grant_types": GRANTS},
    ),
    "Cursor": (
        {
            "client_name": "Cursor",
            "redirect_uris": [
                "cursor://anysphere.cursor-mcp/oauth/callback",
                "https://www.cursor.com/agents/mcp/oauth/callback",
                "http://localhost:8787/callback",
            ],
            "grant_types": GRANTS,
            "token_endpoint_auth_method": "none",
        },
        {"application_type": "native", "token_endpoint_auth_method": "none"},
    ),
    "VS Code": (
        {
            "client_name": "Visual Studio Code",
            "redirect_uris": [
                "http://127.0.0.1/", "http://127.0.0.1:33418/", "https://vscode.dev/redirect",
            ],
            "grant_types": GRANTS,
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        },
        {"application_type": "native", "token_endpoint_auth_method": "none"},
    ),
    "ChatGPT": (
        {
            "client_name": "ChatGPT",
            "redirect_uris": ["https://chatgpt.com/connector_platform_oauth_redirect"],
            "grant_types": GRANTS,
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        },
        {"token_endpoint_auth_method": "none"},
    ),
    "Inspector": (
        {
            "client_name": "MCP Inspector",
            "redirect_uris": ["http://localhost:6274/oauth/callback"] * 2,
            "grant_types": GRANTS,
            "token_endpoint_auth_method": "none",
        },
        {"redirect_uris": ["http://localhost:6274/oauth/callback"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLIENTS)
def test_clients_in_use_register_as_they_come(name: str) -> None:
    sent, told = CLIENTS[name]
    made = validate_by(sent, TERMS)
    assert {member: made[member] for member in told} == told
