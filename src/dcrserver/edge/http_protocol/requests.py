"""A request as the application is given it, and what Uvicorn answers it by."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast
from urllib.parse import unquote

import httptools
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from dcrserver.edge.http_protocol.heads import Headers


def scope(
    connection: HttpToolsProtocol,
    method: bytes,
    version: str,
    headers: Headers,
    told: dict[str, dict[object, object]],
) -> HTTPScope:
    """The request as ASGI has it; its path is decoded. ``told``: of the connection.

    Raises:
        httptools.HttpParserError: the target of the request is no URL.
    """
    url = httptools.parse_url(connection.url)
    raw_path = url.path or b"/"  # of a whole URL without any (RFC 9110 4.2.3)
    path = raw_path.decode("ascii")
    return {
        "type": "http",
        "asgi": {"version": connection.asgi_version, "spec_version": "2.3"},
        "http_version": version,
        "server": connection.server,
        "client": connection.client,
        "scheme": connection.scheme,  # type: ignore[typeddict-item]  # it is one of the two
        "root_path": "",
        "method": method.decode("ascii"),
        "path": unquote(path) if "%" in path else path,
        "raw_path": raw_path,
        "query_string": url.query or b"",
        "headers": headers,
        "state": connection.app_state.copy(),
        "extensions": told,
    }


def extensions(transport: asyncio.Transport) -> dict[str, dict[object, object]]:
    """What ASGI tells of TLS, of the caller's certificate at least; nothing of a plain connection.

    The chain was verified, or the connection would have ended.
    """
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if tls is None:
        return {}
    sent = tls.getpeercert(binary_form=True)
    chain = [] if sent is None else [ssl.DER_cert_to_PEM_cert(sent)]
    return {"tls": {"client_cert_chain": chain}}


def cycle(
    connection: HttpToolsProtocol, asked: HTTPScope, *, expects: bool
) -> RequestResponseCycle:
    """Uvicorn's way from this request to its answer; ``expects``: 100 before the body comes."""
    return RequestResponseCycle(
        scope=asked,
        transport=connection.transport,
        flow=connection.flow,
        logger=connection.logger,
        access_logger=connection.access_logger,
        access_log=connection.access_log,
        default_headers=connection.server_state.default_headers,
        message_event=asyncio.Event(),
        expect_100_continue=expects,
        keep_alive=asked["http_version"] != "1.0" and connection.parser.should_keep_alive(),
        on_response=connection.on_response_complete,
    )


class Stoppable:
    """The application, answering as Uvicorn does, whose requests a server that stops cuts off."""

    def __init__(self, app: ASGIApp, cycle: RequestResponseCycle) -> None:
        self._app = app
        self._cycle = cycle

    def sending(self) -> Send:
        """What the application sends its answer by. Never kept: it would keep us, and we it."""
        return cast("Send", self._cycle.send)  # of ASGI by other types

    async def __call__(self, scope: Scope, receive: Receive, _: Send) -> None:
        try:
            await self._app(scope, receive, self.sending())
        except asyncio.CancelledError:  # nobody reads the answer that has begun
            self._cycle.disconnected = True
            self._cycle.transport.abort()
