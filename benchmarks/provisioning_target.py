"""An authorization server that has nothing to do: as much of Ory Hydra's admin API as is asked.

python benchmarks/provisioning_target.py PORT

POST /away and POST /back say whether it answers; GET /count tells how many clients it has, and how
many of these are of the newest name.
"""

from __future__ import annotations

import asyncio
import json
import sys
from http import HTTPStatus
from typing import Any

_CLIENTS: dict[str, dict[str, Any]] = {}
_STATE = {"away": False}


def _answered(method: str, path: str, body: bytes) -> tuple[HTTPStatus, object]:
    if path in {"/away", "/back"}:
        _STATE["away"] = path == "/away"
        return HTTPStatus.OK, {}
    if path.startswith("/count"):
        name = path.partition("?")[2]
        named = [each for each in _CLIENTS.values() if each.get("client_name") == name]
        return HTTPStatus.OK, {"clients": len(_CLIENTS), "named": len(named)}
    if _STATE["away"]:
        return HTTPStatus.SERVICE_UNAVAILABLE, {}
    return _done(method, path, body)


def _done(method: str, path: str, body: bytes) -> tuple[HTTPStatus, object]:
    client_id = path.removeprefix("/admin/clients").lstrip("/")
    if method == "POST":
        client = json.loads(body)
        _CLIENTS[client["client_id"]] = client
        return HTTPStatus.CREATED, client
    if client_id not in _CLIENTS:
        return HTTPStatus.NOT_FOUND, {"error": "not found"}
    if method == "PUT":
        _CLIENTS[client_id] = json.loads(body)
    if method == "DELETE":
        del _CLIENTS[client_id]
        return HTTPStatus.NO_CONTENT, None
    return HTTPStatus.OK, _CLIENTS[client_id]


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, _ = head.split(" ", 2)
            length = head.lower().partition("content-length:")[2].partition("\r\n")[0]
            body = await reader.readexactly(int(length or 0))
            status, told = _answered(method, path, body)
            content = b"" if told is None else json.dumps(told).encode()
            writer.write(
                f"HTTP/1.1 {status.value} x\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(content)}\r\n\r\n".encode()
                + content
            )
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main(port: int) -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
