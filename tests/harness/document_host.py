"""A host of documents, as clients that name themselves by URL have one: https on this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from harness.application import CALLBACK
from harness.tls import TlsServer, tls_server


class DocumentHost:
    """``pages``: by path, the status, header lines and body of the answer; others are 404."""

    def __init__(self) -> None:
        self.server = TlsServer(0, Path())
        self.pages: dict[str, tuple[str, str, bytes]] = {}
        # Requests wait until it is set.
        self.answers = asyncio.Event()
        self.answers.set()
        self.is_asked = asyncio.Event()

    @property
    def asked(self) -> int:
        return len(self.server.requests)

    @property
    def settings(self) -> dict[str, Any]:
        """Under which documents of this host count."""
        outbound = {
            "allowed_hosts": [f"localhost:{self.server.port}"],
            "ca_file": str(self.server.ca_file),
        }
        return {"documents": {"enabled": True, "minimum_seconds": 0}, "outbound": outbound}

    def url(self, path: str) -> str:
        return f"https://localhost:{self.server.port}{path}"

    def publish(self, path: str, headers: str = "", status: str = "200 OK", **members: Any) -> str:
        """Puts a document at ``path``; what is None is left out of it."""
        url = self.url(path)
        document = {
            "client_id": url, "client_name": "An app", "redirect_uris": [CALLBACK], **members,
        }  # fmt: skip
        document = {name: value for name, value in document.items() if value is not None}
        self.put(path, json.dumps(document).encode(), headers, status)
        return url

    def put(self, path: str, body: bytes, headers: str = "", status: str = "200 OK") -> None:
        if "content-type" not in headers.lower():
            headers += "Content-Type: application/json\r\n"
        self.pages[path] = (status, headers, body)

    async def respond(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        self.is_asked.set()
        await self.answers.wait()
        path = request.split(b" ", 2)[1].decode()
        status, headers, body = self.pages.get(path, ("404 Not Found", "", b"{}"))
        head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)


@asynccontextmanager
async def document_host(folder: Path) -> AsyncIterator[DocumentHost]:
    made = DocumentHost()
    async with tls_server(folder, made.respond) as made.server:
        yield made
