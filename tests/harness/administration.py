"""The administrators' API in tests: a caller with a token, on whatever database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from harness.application import Application

ROOT = "/admin/v1"


@dataclass
class Administrator:
    """Somebody with an admin token; paths are those below /admin/v1."""

    app: Application
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, status: int = 200, **sent: Any) -> httpx.Response:
        """The answer, which has this ``status``; a refusal is a problem."""
        headers = self.headers | sent.pop("headers", {})
        answer = await self.app.http.request(method, ROOT + path, headers=headers, **sent)
        assert answer.status_code == status, f"{answer.status_code} {answer.text}"
        if status >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
        return answer

    async def get(self, path: str, status: int = 200, **sent: Any) -> Any:
        return (await self.ask("GET", path, status, **sent)).json()

    async def post(self, path: str, status: int = 200, **sent: Any) -> Any:
        return (await self.ask("POST", path, status, **sent)).json()

    async def delete(self, path: str, status: int = 204, **sent: Any) -> None:
        await self.ask("DELETE", path, status, **sent)


async def administrator(app: Application, *scopes: str) -> Administrator:
    """With ``scopes`` in the default tenant."""
    return Administrator(app, await app.admin_token(*scopes))
