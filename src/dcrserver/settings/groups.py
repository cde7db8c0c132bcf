"""The groups of the configuration, each a table of the file."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from dcrserver import server_metadata
from dcrserver.settings.values import Secrets, SecretUrl, Texts, TextSet, checked_issuer
from dcrserver.strict_json import JsonValue

# Seconds; as long is a signing key published after another took over.
MAX_TOKEN_LIFETIME = 86400


class Group(BaseModel):
    """Keys of one theme; one that does not exist is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Group):
    """Where the server listens and what it is called."""

    base_url: str = Field(
        default="http://127.0.0.1:8000",
        description="Public base URL: the issuer of the default tenant. Never taken from the Host"
        " header. Default: http://127.0.0.1:PORT",
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=1, le=65535, description="port to listen on")
    workers: int = Field(
        default=1,
        ge=1,
        description="processes; one suits SQLite best. Each counts its own metrics, and its"
        " own rate limits unless redis.url is set",
    )
    drain_seconds: float = Field(
        default=1.0,
        ge=0,
        description="On SIGTERM: how long /readyz says 503 before the port closes, so that load"
        " balancers turn away first",
    )
    shutdown_seconds: int = Field(
        default=20, ge=1, description="how long requests in flight may take after that"
    )
    body_seconds: float = Field(
        default=20.0, gt=0, description="how long a caller may take to send a body; then 408"
    )
    trusted_proxies: Texts = Field(
        default=(),
        description="IP addresses and networks whose X-Forwarded-For is believed; * alone for all",
    )

    @field_validator("base_url")
    @classmethod
    def _issuer(cls, value: str) -> str:
        return checked_issuer(value)

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Uvicorn would take anything else for a name, which no address ever equals."""
        if value != ("*",):
            for entry in value:
                ipaddress.ip_network(entry)
        return value


class DatabaseSettings(Group):
    """The database; sqlite, postgresql or mysql, with our async drivers."""

    url: SecretUrl = Field(
        default=SecretStr("sqlite:///dcrserver.db"),
        description="SQLAlchemy URL: sqlite:///FILE, postgresql://..., mysql://...",
    )
    pool_size: int = Field(default=10, ge=1, description="connections of one process")
    pool_timeout: float = Field(default=5.0, gt=0, description="seconds to wait for a connection")
    statement_timeout: float = Field(default=10.0, gt=0, description="seconds for one statement")


class RegistrationSettings(Group):
    """Who may register."""

    mode: Literal["open", "protected", "closed"] = Field(
        default="open",
        description="open: anyone; protected: holders of an initial access token; closed: nobody"
        " but administrators",
    )
    validate_endpoint: bool | None = Field(
        default=None,
        description="POST /register/validate explains a submission without registering it; None:"
        " on for holders of an initial access token, off in open mode",
    )


class TokenSettings(Group):
    """The built-in token endpoint."""

    enabled: bool | None = Field(
        default=None,
        description="None: on unless an external authorization server has a token endpoint",
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
        default=None, description="aud of access tokens; the issuer if unset"
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
        " needed for client_secret_jwt and HMAC algorithms",
    )
    encryption_keys_file: Path | None = Field(
        default=None,
        description="a file with such keys, one a line, in place of encryption_keys",
    )


class MutualTlsSettings(Group):
    """Client certificates, as the proxy that ends TLS passes them on (RFC 8705)."""

    header: str | None = Field(
        default=None,
        description="the header with the certificate, e.g. X-Client-Cert: PEM (also URL-encoded, as"
        " of nginx) or RFC 9440's Client-Cert. None: certificates are not read",
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

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            ipaddress.ip_network(entry)
        return value

    @model_validator(mode="after")
    def _named_proxies(self) -> Self:
        """A header that anybody can send must not let anybody in."""
        if (self.header or self.verified_header) and not self.trusted_proxies:
            raise ValueError("trusted_proxies must name who may send these headers")
        if self.verified_header and not self.header:
            raise ValueError("verified_header says nothing without header")
        return self


class AuthorizationServerSettings(BaseModel):
    """The authorization server behind: any member of its metadata (RFC 8414 2), by name."""

    model_config = ConfigDict(extra="allow", frozen=True)

    metadata: str | None = Field(
        default=None,
        description="path or URL of its metadata document; other members override it",
    )
    client_cache_seconds: int = Field(
        default=30,
        ge=0,
        description="how long an authorization server may remember a client that it asked us for;"
        " as long may it take until it learns of a deletion",
    )

    @model_validator(mode="before")
    @classmethod
    def _known_members(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        members = {name: value for name, value in given.items() if name not in cls.model_fields}
        problems = []
        for name, value in members.items():
            try:
                members[name] = server_metadata.checked(name, value)
            except ValueError as error:
                problem = PydanticCustomError("member", "{problem}", {"problem": str(error)})
                problems.append(InitErrorDetails(type=problem, loc=(name,), input=value))
        if problems:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return given | members

    @property
    def members(self) -> dict[str, JsonValue]:
        return dict(self.model_extra or {})


class TenantSettings(Group):
    """One issuer beside the default one."""

    path: str | None = Field(
        default=None,
        description="path below the base URL; /t/NAME if unset",
        pattern=r"^/[^?#]+$",
    )
    base_url: str | None = Field(default=None, description="the whole issuer, in place of path")
    webfinger: Texts = Field(
        default=(),
        description="what WebFinger answers for: a domain (acct:*@domain, https://domain), or one"
        " exact resource. The default tenant always answers for the base URL's host",
    )
    authorization_server: AuthorizationServerSettings | None = None
    mode: Literal["open", "protected", "closed"] | None = Field(
        default=None, description="who may register; registration.mode if unset"
    )
    policy: str | None = Field(
        default=None, description="one of the named policies, in place of [policy]"
    )

    @field_validator("base_url")
    @classmethod
    def _issuer(cls, value: str | None) -> str | None:
        return None if value is None else checked_issuer(value)


class OutboundSettings(Group):
    """Requests that we make."""

    allowed_hosts: TextSet = Field(
        default=frozenset(), description="host:port exceptions from the address filter"
    )
    ca_file: Path | None = Field(default=None, description="extra roots, PEM")
    timeout: float = Field(default=5.0, gt=0, description="seconds for one fetch, all in")
    max_bytes: int = Field(default=65536, ge=1024, description="octets of one document")
    concurrency: int = Field(default=20, ge=1, description="fetches at once")
    concurrency_per_address: int = Field(default=4, ge=1, description="of them, to one address")
    cache_seconds: float = Field(
        default=30.0, ge=0, description="a document without Cache-Control is remembered so long"
    )
    cache_max_seconds: float = Field(
        default=300.0, ge=0, description="no document is remembered longer, whatever it says"
    )
    cache_failure_seconds: float = Field(
        default=5.0, ge=0, description="a failed fetch is not tried again for so long"
    )
    cache_entries: int = Field(default=500, ge=1, description="documents that are remembered")
    cache_bytes: int = Field(default=4194304, ge=1, description="octets of them all")


class RateLimitSettings(Group):
    """Open registrations per address (POL-47), and guesses at secrets."""

    enabled: bool = Field(default=True, description="false for load tests")
    open_registration: str = Field(default="60/minute", description="per IPv4 address or IPv6 /64")
    open_registration_total: str = Field(
        default="6000/minute", description="per tenant, all addresses together"
    )
    failed_authentication: str = Field(
        default="30/minute",
        description="wrong credentials of one client from one address, counted by each process for"
        " itself",
    )


class RedisSettings(Group):
    """Shared state of several instances; in memory when unset."""

    url: SecretUrl | None = Field(default=None, description="redis:// or rediss://")


class TelemetrySettings(Group):
    """Logs."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least that is logged"
    )
    format: Literal["json", "text"] = Field(
        default="json", description="one object a line, or text"
    )
