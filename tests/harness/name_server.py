"""A name server on loopback that answers, or is silent on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import dns.message
import dns.rdatatype
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """``addresses``: name -> its address, or of a reverse zone the names; all other names are never
    answered.
    """

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses
        self.asked: list[str] = []
        self.was_asked = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text().rstrip(".")
        self.asked.append(name)
        self.was_asked.set()
        if name not in self._addresses or self._transport is None:
            return
        answer = dns.message.make_response(query)
        values = self._addresses[name].split()
        kind = "PTR" if name.endswith(".arpa") else "AAAA" if ":" in values[0] else "A"
        if dns.rdatatype.to_text(question.rdtype) == kind:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
        self._transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def name_server(addresses: Mapping[str, str]) -> AsyncIterator[tuple[str, NameServer]]:
    """``127.0.0.1:PORT`` of a name server, and the server."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(addresses), local_addr=("127.0.0.1", 0)
    )
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}", server
    finally:
        transport.close()
