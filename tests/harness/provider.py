"""An OpenID provider whose access tokens name administrators, without a socket."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from typing import Any, cast

from jwt.algorithms import get_default_algorithms

from dcrserver.fetch import Document, FetchError, HttpFetcher
from dcrserver.services.access.providers import Providers
from dcrserver.settings import AdminProviderSettings, OutboundSettings
from dcrserver.signing import base64url
from harness.clients import PrivateKey, new_key, public_jwk

ISSUER = "https://id.example.com/corp"
AUDIENCE = "https://dcr.example.com"
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
JWKS = f"{ISSUER}/jwks"


def claims(**changes: Any) -> dict[str, Any]:
    """Of a good token; ... takes a claim away."""
    now = int(time.time())
    made = {
        "iss": ISSUER,
        "sub": "ada",
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 60,
        "jti": secrets.token_hex(8),
        "client_id": "console",
        "scope": "clients:read",
    } | changes
    return {name: value for name, value in made.items() if value is not ...}


def signed(
    key: Any,
    algorithm: str = "ES256",
    headers: dict[str, Any] | None = None,
    kid: str = "k1",
    **changes: Any,
) -> str:
    """An access token, of any header and claims; ... takes a member of the header away, too."""
    header = {"alg": algorithm, "typ": "at+jwt", "kid": kid} | (headers or {})
    made = {name: value for name, value in header.items() if value is not ...}
    said = ".".join(base64url(json.dumps(part).encode()) for part in (made, claims(**changes)))
    implementation = get_default_algorithms()[algorithm]
    return f"{said}.{base64url(implementation.sign(said.encode(), key))}"


class Publisher:
    """What providers publish, and how often it was asked for; stands in for the fetcher."""

    def __init__(self, **keys: PrivateKey) -> None:
        self.documents: dict[str, Any] = {DISCOVERY: {"issuer": ISSUER, "jwks_uri": JWKS}}
        self.publish(**keys)
        self.asked: list[str] = []
        self.as_operator: set[str] = set()
        self.away = False
        self.max_age: int | None = None
        # Set when it speaks again.
        self.silent: asyncio.Event | None = None

    def publish(self, **keys: PrivateKey) -> None:
        """These keys alone, by kid."""
        self.documents[JWKS] = {"keys": [public_jwk(key, kid=kid) for kid, key in keys.items()]}

    async def fetch(self, url: str) -> Document:
        if not url.startswith("https:"):
            raise FetchError("not an https URL")
        self.asked.append(url)
        if self.silent is not None:
            await self.silent.wait()
        if self.away or url not in self.documents:
            raise FetchError("nobody there")
        said = self.documents[url]
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        return Document(body, "application/json", self.max_age)

    async def fetch_configured(self, url: str) -> Document:
        self.as_operator.add(url)
        return await self.fetch(url)


def providers(publisher: Publisher, **settings: Any) -> Providers:
    """The one provider ``corp``, and what it publishes."""
    made = AdminProviderSettings(**{"issuer": ISSUER, "audience": AUDIENCE} | settings)
    return Providers({"corp": made}, cast("HttpFetcher", publisher), OutboundSettings())


KEY = new_key()
