"""Clients that are there before the clock starts, and the lines that ``request.lua`` reads."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import Mapping

import httpx

_KEPT = ("client_id", "client_secret", "registration_client_uri", "registration_access_token")
_CONNECTIONS = 16


def managing(method: str, client: Mapping[str, str], metadata: object = None) -> str:
    """What is sent to ``registration_client_uri``."""
    path = httpx.URL(client["registration_client_uri"]).raw_path.decode()
    headers = f"Authorization=Bearer {client['registration_access_token']};;"
    if metadata is None:
        return f"{method}\t{path}\t{headers}\t\n"
    return f"{method}\t{path}\t{headers}Content-Type=application/json;;\t{json.dumps(metadata)}\n"


def asking_for_token(client: Mapping[str, str]) -> str:
    pair = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    headers = f"Authorization=Basic {pair};;Content-Type=application/x-www-form-urlencoded;;"
    return f"POST\t/token\t{headers}\tgrant_type=client_credentials&scope=profile\n"


def registered(url: str, metadata: object, count: int) -> list[dict[str, str]]:
    """New clients, by plain connections: an HTTP library would take longer than the servers."""
    address, body = httpx.URL(url), json.dumps(metadata)
    request = (
        f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc.decode()}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    numbers = itertools.count()

    async def register() -> list[dict[str, str]]:
        made = []
        reader, writer = await asyncio.open_connection(address.host, address.port)
        while next(numbers) < count:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.split(b" ", 2)[1] == b"201", head
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            client = json.loads(await reader.readexactly(int(length)))
            made.append({name: client[name] for name in _KEPT if name in client})
        writer.close()
        return made

    async def register_all() -> list[dict[str, str]]:
        parts = await asyncio.gather(*(register() for _ in range(_CONNECTIONS)))
        return list(itertools.chain.from_iterable(parts))

    return asyncio.run(register_all())
