"""The groups of the configuration about tokens, secrets and certificates."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from dcrserver.metadata.lifetimes import MAX_TOKEN_LIFETIME
from dcrserver.settings.values import (
    Group,
    Secrets,
    Texts,
    TextSet,
    checked_issuer,
    checked_networks,
)

_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# Headers with a meaning of their own, which clients and proxies send whatever is configured here.
_OTHERS_HEADERS = frozenset(
    {
        "accept", "authorization", "connection", "cookie", "date", "dpop", "expect", "forwarded",
        "from", "host", "keep-alive", "origin", "prefer", "range", "referer", "te", "trailer",
        "transfer-encoding", "upgrade", "user-agent", "via", "x-request-id", "x-real-ip",
    }
)  # fmt: skip
_OTHERS_PREFIXES = (
    "accept-", "access-control-", "cache-", "content-", "if-", "proxy-", "sec-", "x-forwarded-",
)  # fmt: skip


class TokenSettings(Group):
    """The built-in token endpoint."""

    enabled: bool | None = Field(
        default=None,
        description="unset: on unless an authorization server elsewhere has a token endpoint",
    )
    lifetime: int = Field(
        default=300, ge=10, le=MAX_TOKEN_LIFETIME, description="of access tokens, seconds"
    )
    format: Literal["jwt", "opaque"] = Field(
        default="jwt",
        description="jwt: anybody can verify them (RFC 9068); opaque: only introspection can. Both"
        " this and the lifetime can be set for a client: dcrserver client set",
    )
    audience: str | None = Field(
        default=None, min_length=1, description="aud of access tokens; the issuer if unset"
    )
    resources: TextSet = Field(
        default=frozenset({"*"}),
        description="URIs that clients may ask tokens for by resource (RFC 8707); * for any, as MCP"
        " clients always ask",
    )
    signing_algorithm: Literal["ES256", "RS256", "PS256", "EdDSA"] = Field(
        default="ES256",
        description="of tokens that are JWTs; RS256 is what every resource server understands",
    )
    key_lifetime: int = Field(
        default=2592000,
        ge=3600,
        description="seconds after which a new signing key takes over; the old one is published"
        " until its tokens have expired",
    )


class SecretSettings(Group):
    """Encryption at rest of what must be readable again."""

    encryption_keys: Secrets = Field(
        default=(),
        description="base64 of 32 random bytes each; the first encrypts, all decrypt. They encrypt"
        " the signing keys of the token endpoint, which are stored in clear without them, and are"
        " needed for client_secret_jwt and HMAC algorithms, and to import readable secrets by the"
        " administrators' API",
    )
    encryption_keys_file: Path | None = Field(
        default=None,
        description="a file with such keys, one a line (# starts a comment), in place of"
        " encryption_keys; `dcrserver keys generate` prints one",
    )


class MutualTlsSettings(Group):
    """Client certificates, as the proxy that ends TLS passes them on (RFC 8705)."""

    header: str | None = Field(
        default=None,
        description="the header with the certificate, e.g. X-Client-Cert: PEM (also URL-encoded, as"
        " of nginx) or RFC 9440's Client-Cert. Unset: certificates are not read",
    )
    verified_header: str | None = Field(
        default=None,
        description="the header that says SUCCESS when the proxy verified the chain, e.g."
        " X-Client-Verify. Without it no chain counts as verified, and tls_client_auth lets"
        " nobody in",
    )
    trusted_proxies: Texts = Field(
        default=(),
        description="IP addresses and networks of the proxies that these headers are believed of;"
        " from anybody else they are ignored",
    )

    base_url: str | None = Field(
        default=None,
        description="where callers are asked for a certificate, if that is another host or port"
        " than server.base_url: published as mtls_endpoint_aliases (RFC 8705 5), and where clients"
        " that must show one manage themselves",
    )

    @field_validator("base_url")
    @classmethod
    def _base_url(cls, value: str | None) -> str | None:
        return value and checked_issuer(value).rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return checked_networks(value)

    @field_validator("header", "verified_header")
    @classmethod
    def _headers(cls, value: str | None) -> str | None:
        """Everybody sends the others, or something else is read from them."""
        if value is None:
            return None
        if not _FIELD_NAME.fullmatch(value):
            raise ValueError("must be the name of a header (RFC 9110 5.6.2)")
        if value.lower() in _OTHERS_HEADERS or value.lower().startswith(_OTHERS_PREFIXES):
            raise ValueError(f"{value} means something else; name one of the proxy's own")
        return value

    @model_validator(mode="after")
    def _named_proxies(self) -> Self:
        """A header that anybody can send must not let anybody in."""
        if (self.header or self.verified_header) and not self.trusted_proxies:
            raise ValueError("trusted_proxies must name who may send these headers")
        if self.verified_header and not self.header:
            raise ValueError("verified_header says nothing without header")
        if self.header and self.header.lower() == (self.verified_header or "").lower():
            raise ValueError("header and verified_header must be two headers")
        return self
