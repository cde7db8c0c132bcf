"""The registration endpoint of the MCP SDK, which keeps its clients in memory."""

from __future__ import annotations

from mcp.server.auth.routes import create_auth_routes
from mcp.server.auth.settings import ClientRegistrationOptions
from mcp.shared.auth import OAuthClientInformationFull
from pydantic import AnyHttpUrl
from starlette.applications import Starlette

SCOPES = ["openid", "profile", "email", "offline_access"]


class Provider:
    def __init__(self) -> None:
        self.clients: dict[str, OAuthClientInformationFull] = {}

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client: OAuthClientInformationFull) -> None:
        self.clients[str(client.client_id)] = client


app = Starlette(
    routes=create_auth_routes(
        Provider(),  # type: ignore[arg-type]
        AnyHttpUrl("http://127.0.0.1:8000"),
        client_registration_options=ClientRegistrationOptions(enabled=True, valid_scopes=SCOPES),
    )
)
