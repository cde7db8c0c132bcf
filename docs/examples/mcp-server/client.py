"""An MCP client that registers itself. docs/mcp.md says how to run it.

python client.py person  MCP_SERVER            opens a browser, where somebody signs in
python client.py machine MCP_SERVER ISSUER     uses credentials of its own
"""

from __future__ import annotations

import asyncio
import sys
import webbrowser
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)

SCOPE = "profile"


class Storage:
    """What the SDK wants kept. A real client writes it to a file that it alone can read."""

    def __init__(self) -> None:
        self._tokens: OAuthToken | None = None
        self._client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self._tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self._tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._client = client_info
        print("registered as", client_info.client_id)


async def _callback() -> tuple[str, Callable[[], Awaitable[AuthorizationCodeResult]]]:
    """A web server of one page on a free port, which the browser comes back to (RFC 8252 7.3)."""
    came = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readline()).decode("ascii").split(" ")[1]
        page = b"You are signed in. Close this page."
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(page) + page)
        await writer.drain()
        writer.close()
        if not came.done():
            came.set_result(dict(parse_qsl(urlsplit(target).query)))

    async def wait() -> AuthorizationCodeResult:
        sent = await came
        if "error" in sent:
            sys.exit(f"{sent['error']}: {sent.get('error_description', '')}")
        return AuthorizationCodeResult(**sent)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/callback", wait


async def _open_browser(url: str) -> None:
    print("sign in at", url)
    await asyncio.to_thread(webbrowser.open, url)


async def person(mcp_server: str) -> OAuthClientProvider:
    """Everything else is the SDK's: discovery, registration, PKCE, `resource`."""
    redirect_uri, wait = await _callback()
    return OAuthClientProvider(
        server_url=mcp_server,
        client_metadata=OAuthClientMetadata(
            client_name="Example MCP client",
            redirect_uris=[redirect_uri],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            token_endpoint_auth_method="none",  # noqa: S106 - it has none
            scope=SCOPE,
        ),
        storage=Storage(),
        redirect_handler=_open_browser,
        callback_handler=wait,
    )


async def machine(mcp_server: str, issuer: str) -> OAuthClientProvider:
    """The SDK registers only for people; a machine does it by a request of its own."""
    async with httpx2.AsyncClient() as http:
        found = await http.get(f"{issuer}/.well-known/oauth-authorization-server")
        answer = await http.post(
            found.raise_for_status().json()["registration_endpoint"],
            json={
                "client_name": "Example machine",
                "grant_types": ["client_credentials"],
                "redirect_uris": [],
                "scope": SCOPE,
            },
        )
    client = answer.raise_for_status().json()
    print("registered as", client["client_id"])
    return ClientCredentialsOAuthProvider(
        server_url=mcp_server,
        storage=Storage(),
        client_id=client["client_id"],
        client_secret=client["client_secret"],
        scope=SCOPE,
        issuer=issuer,
    )


async def main() -> None:
    if sys.argv[1:2] not in (["person"], ["machine"]):
        sys.exit(__doc__)
    provider = await (person if sys.argv[1] == "person" else machine)(*sys.argv[2:])
    async with (
        httpx2.AsyncClient(auth=provider) as http,
        Client(streamable_http_client(sys.argv[2], http_client=http)) as mcp,
    ):
        result = await mcp.call_tool("who_am_i", {})
    print(result.content[0].text)


asyncio.run(main())
