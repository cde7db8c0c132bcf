"""MCP Python SDK: a protected MCP server leads it to us: drive_mcp.py BASE_URL.

The SDK's provider is an HTTP authentication flow: it starts at the 401 of a resource server, finds
the authorization server, registers, and authorizes. So this script is that resource server, too.
"""

from __future__ import annotations

import html
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
from common import Story, delete, update
from mcp.client.auth import OAuthClientProvider, OAuthFlowError, OAuthRegistrationError
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

story = Story("mcp", version("mcp"), base_url := sys.argv[1])
LOCALHOST, CURSOR = (
    "http://localhost:33418/callback",
    "cursor://anysphere.cursor-mcp/oauth/callback",
)


class Resource(BaseHTTPRequestHandler):
    """An MCP server that wants tokens of ours; it looks at the form of the token only."""

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        origin = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
        if self.path.startswith("/.well-known/oauth-protected-resource"):
            self._send(200, {"resource": f"{origin}/mcp", "authorization_servers": [base_url],
                             "scopes_supported": ["profile"]})  # fmt: skip
        elif self.headers.get("Authorization", "").startswith("Bearer eyJ"):
            self._send(200, {"hello": "client"})
        else:
            where = f"{origin}/.well-known/oauth-protected-resource/mcp"
            self._send(401, {}, f'Bearer resource_metadata="{where}"')

    def _send(self, status: int, body: dict[str, Any], challenge: str | None = None) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(raw)


class Storage:
    """Keeps what the SDK wants kept."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


async def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Resource)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    resource = f"http://127.0.0.1:{server.server_port}/mcp"
    for redirect_uri in (LOCALHOST, CURSOR):
        await _register_and_authorize(resource, redirect_uri)
    await _machine(resource)
    server.shutdown()
    story.habits()
    story.end()


async def _register_and_authorize(resource: str, redirect_uri: str) -> None:
    """The SDK registers by itself; our authorization endpoint has a link back for the person."""
    storage, seen = Storage(), {}

    async def open_browser(url: str) -> None:
        async with httpx2.AsyncClient() as http:
            answer = await http.get(url)
        assert answer.status_code == 200, answer.text
        link = re.search(r'<a href="([^"]+)" rel=', answer.text)
        assert link is not None, answer.text
        target = html.unescape(link.group(1))
        assert target.startswith(redirect_uri)
        seen.update(parse_qs(urlsplit(target).query))

    async def come_back() -> Any:
        raise OAuthFlowError(seen["error"][0])

    provider = OAuthClientProvider(
        server_url=resource,
        client_metadata=OAuthClientMetadata(
            client_name="MCP client",
            redirect_uris=[redirect_uri],  # type: ignore[list-item]
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            token_endpoint_auth_method="none",
        ),
        storage=storage,
        redirect_handler=open_browser,
        callback_handler=come_back,
    )
    try:
        async with httpx2.AsyncClient(auth=provider) as http:
            await http.get(resource)
    except OAuthRegistrationError:
        raise
    except OAuthFlowError as error:
        story.tell(ended=str(error))
    assert storage.client is not None
    assert storage.client.client_secret is None
    assert [str(uri) for uri in storage.client.redirect_uris or []] == [redirect_uri]
    assert seen["iss"] == [base_url]
    story.tell(discovered=base_url, registered=storage.client.client_id, auth_method="none")


async def _machine(resource: str) -> None:
    """A machine registers over HTTP (the provider takes credentials) and gets in with its token."""
    async with httpx2.AsyncClient() as http:
        body = {"grant_types": ["client_credentials"], "scope": "profile", "redirect_uris": []}
        answer = await http.post(f"{base_url}/register", json=body)
    client = answer.json()
    OAuthClientInformationFull.model_validate(client)
    storage = Storage()
    provider = ClientCredentialsOAuthProvider(
        server_url=resource,
        storage=storage,
        client_id=client["client_id"],
        client_secret=client["client_secret"],
        scope="profile",
        issuer=base_url,
    )
    async with httpx2.AsyncClient(auth=provider) as http:
        assert (await http.get(resource)).json() == {"hello": "client"}
    assert storage.tokens is not None
    story.tell(token_type=storage.tokens.token_type, scope=storage.tokens.scope)
    updated = update(client, client_name="Renamed")
    delete(updated)
    story.tell(read=True, updated=True, deleted=True)


anyio.run(main)
