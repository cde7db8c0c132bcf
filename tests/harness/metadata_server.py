"""An authorization server that publishes its metadata, or whatever else a test wants it to say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

DOCUMENT: dict[str, Any] = {
    "issuer": "https://as.example.com",
    "authorization_endpoint": "https://as.example.com/authorize",
    "token_endpoint": "https://as.example.com/token",
    "jwks_uri": "https://as.example.com/jwks",
    "response_types_supported": ["code"],
    "grant_types_supported": ["authorization_code", "refresh_token"],
    "scopes_supported": ["openid", "profile"],
    "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
}


class MetadataServer:
    """``location`` answers with ``status`` and ``says``; the first ``failures`` times with 500.

    ``asked``: how often somebody did.
    """

    def __init__(self) -> None:
        self.location = ""
        self.says: Any = DOCUMENT
        self.status = 200
        self.failures = 0
        self.asked = 0

    def answer(self) -> tuple[int, bytes]:
        self.asked += 1
        if self.failures:
            self.failures -= 1
            return 500, b""
        raw = isinstance(self.says, bytes)
        return self.status, self.says if raw else json.dumps(self.says).encode()


@contextmanager
def metadata_server() -> Iterator[MetadataServer]:
    made = MetadataServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = made.answer()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: the output is the test's."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        made.location = f"http://127.0.0.1:{server.server_address[1]}/metadata"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
