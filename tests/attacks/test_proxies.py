"""Attacks through real reverse proxies, which see another request than the one we could see."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlencode

import httpx
import pytest

from harness import proxies
from harness.clients import certificate, escaped, new_key
from harness.process import ServerProcess, serving

Proxy: TypeAlias = Callable[[Path, ServerProcess], AbstractContextManager[str]]
_SUBJECT = "CN=client.example.org,O=Example,C=DE"
_MACHINE = {
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "token_endpoint_auth_method": "tls_client_auth",
    "tls_client_auth_subject_dn": _SUBJECT,
}
_CERTIFICATES = {
    "DCR_MUTUAL_TLS__HEADER": "X-Client-Cert",
    "DCR_MUTUAL_TLS__VERIFIED_HEADER": "X-Client-Verify",
    "DCR_MUTUAL_TLS__TRUSTED_PROXIES": "127.0.0.1",
    "DCR_AUTHORIZATION_SERVER": json.dumps(
        {"token_endpoint_auth_methods_supported": ["tls_client_auth", "none"]}
    ),
    "DCR_SECRETS__ENCRYPTION_KEYS": base64.b64encode(b"k" * 32).decode(),
    "DCR_TOKENS__ENABLED": "true",
}
# Both say who has a certificate, and where a caller is, in place of what callers say of it.
_PROXIES = pytest.mark.parametrize("proxy", [proxies.haproxy, proxies.apache])
_BODY = b'{"redirect_uris":["https://client.example.org/cb"]}'


def _exchange(url: str, *sent: bytes) -> bytes:
    """What comes until the proxy closes."""
    host, port = url.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=20) as peer:
        for part in sent:
            peer.sendall(part)
        while part := peer.recv(65536):
            received += part
    return received


def _chunked(path: str, media_type: str, body: bytes, trailer: dict[str, str]) -> bytes:
    """A POST whose last chunk is followed by ``trailer``."""
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: {media_type}\r\n"
    fields = "".join(f"{name}: {value}\r\n" for name, value in trailer.items())
    chunks = b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body, fields.encode())
    return f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks


@pytest.mark.finding("S1")
@_PROXIES
def test_a_certificate_in_a_trailer_is_nobodys(tmp_path: Path, proxy: Proxy) -> None:
    proven = {
        "X-Client-Cert": escaped(certificate(new_key(), _SUBJECT)),
        "X-Client-Verify": "SUCCESS",
    }
    with serving(tmp_path, env=_CERTIFICATES) as server, proxy(tmp_path, server) as url:
        made = httpx.post(f"{server.base_url}/register", json=_MACHINE, trust_env=False).json()
        form = {"grant_type": "client_credentials", "client_id": made["client_id"]}
        # What the proxy itself would say is believed: else the rest would prove nothing.
        direct = httpx.post(f"{server.base_url}/token", data=form, headers=proven, trust_env=False)
        assert "access_token" in direct.json()
        body = urlencode(form).encode()
        received = _exchange(
            url, _chunked("/token", "application/x-www-form-urlencoded", body, proven)
        )
    assert received.startswith(b"HTTP/1.1 401 ")
    assert b"access_token" not in received


@pytest.mark.finding("S1")
@_PROXIES
def test_an_address_in_a_trailer_is_nobodys(tmp_path: Path, proxy: Proxy) -> None:
    limits = {
        "DCR_SERVER__TRUSTED_PROXIES": "127.0.0.1",
        "DCR_RATE_LIMITS__ENABLED": "true",
        "DCR_RATE_LIMITS__OPEN_REGISTRATION": "2/hour",
    }
    with serving(tmp_path, env=limits) as server, proxy(tmp_path, server) as url:
        statuses = []
        for number in range(4):
            trailer = {"X-Forwarded-For": f"198.51.100.{number}"}
            received = _exchange(url, _chunked("/register", "application/json", _BODY, trailer))
            statuses.append(received[9:12])
        log = server.log
    assert statuses == [b"201", b"201", b"429", b"429"]
    assert "198.51.100." not in log


@pytest.mark.finding("S5")
@pytest.mark.parametrize("proxy", [proxies.nginx, proxies.apache])
@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
def test_the_body_of_who_offers_to_upgrade_is_no_request(
    tmp_path: Path, protocol: str, proxy: Proxy
) -> None:
    hidden = b"POST /register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    hidden += b"Content-Length: %d\r\n\r\n" % len(_BODY) + _BODY
    head = (
        f"POST /register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        f"Connection: Upgrade, close\r\nUpgrade: {protocol}\r\n"
        f"Content-Length: {len(hidden)}\r\n\r\n"
    )
    with serving(tmp_path) as server, proxy(tmp_path, server) as url:
        received = _exchange(url, head.encode(), hidden)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"client_id" not in received
