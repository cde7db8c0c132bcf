"""An MCP server behind an authorization server. docs/mcp.md says how to run it.

It issues nothing and signs nobody in: it tells clients which authorization server does, and asks
that server whether a token is good (RFC 7662).
"""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

import httpx2
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer

SECONDS = 5


def _setting(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        sys.exit("set MCP_ISSUER, MCP_INTROSPECTION_ENDPOINT and MCP_INTROSPECTION_TOKEN")
    return value


# As its metadata document spells it, and a text: pydantic's AnyHttpUrl would add a slash.
ISSUER = _setting("MCP_ISSUER")
ENDPOINT = _setting("MCP_INTROSPECTION_ENDPOINT")
SECRET = _setting("MCP_INTROSPECTION_TOKEN")
# What people enter in their client, to the letter: tokens are issued for it (RFC 8707).
RESOURCE = os.environ.get("MCP_RESOURCE", "http://127.0.0.1:9000/mcp")


class Introspection:
    """Asks the authorization server what a token is."""

    async def verify_token(self, token: str) -> AccessToken | None:
        async with httpx2.AsyncClient(timeout=SECONDS) as http:
            answer = await http.post(
                ENDPOINT, data={"token": token}, headers={"Authorization": f"Bearer {SECRET}"}
            )
        answer.raise_for_status()
        claims = answer.json()
        if not claims["active"]:
            return None
        audience = claims.get("aud", [])
        audiences = audience if isinstance(audience, list) else [audience]
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims.get("scope", "").split(),
            expires_at=claims.get("exp"),
            subject=claims.get("sub"),
            claims=claims,
            # The SDK compares this with resource_server_url: a token for another server is refused.
            resource=RESOURCE if RESOURCE in audiences else None,
        )


mcp = MCPServer(
    "Who am I",
    token_verifier=Introspection(),
    auth=AuthSettings(
        issuer_url=ISSUER,
        resource_server_url=RESOURCE,
        required_scopes=["profile"],
        validate_token_resource=True,
    ),
)


@mcp.tool()
def who_am_i() -> str:
    """Say who is calling."""
    token = get_access_token()
    return f"client {token.client_id}, for {token.subject}" if token else "nobody"


if __name__ == "__main__":
    place = urlsplit(RESOURCE)
    mcp.run("streamable-http", port=place.port or 9000, streamable_http_path=place.path)
