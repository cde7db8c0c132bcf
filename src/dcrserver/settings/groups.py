"""The groups of the configuration, each a table of the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
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
from dcrserver.names import DEFAULT_TENANT
from dcrserver.settings.locations import DATABASE_FILE, DOCUMENT
from dcrserver.settings.values import (
    Group,
    SecretUrl,
    Texts,
    TextSet,
    checked_issuer,
    checked_networks,
    nameserver,
)
from dcrserver.strict_json import JsonValue

# As the names of tenants are kept in the database, and stand in paths.
_TENANT_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")
_HOST_AND_PORT = re.compile(r"(?:[^\s:/@\[\]]+|\[[0-9a-f:.]+\]):[0-9]{1,5}")


class ServerSettings(Group):
    """Where the server listens and what it is called."""

    base_url: str = Field(
        default="http://127.0.0.1:8000",
        description="Public base URL: the issuer of the default tenant, published as it is written"
        " here, with a final slash or without. Never taken from the Host header. Default:"
        " http://127.0.0.1:PORT",
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(default=8000, ge=1, le=65535, description="port to listen on")
    workers: int = Field(
        default=1,
        ge=1,
        description="processes; one suits SQLite best. Each counts its own rate limits unless"
        " redis.url is set",
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
    head_seconds: float = Field(
        default=10.0,
        gt=0,
        description="how long a caller may take to send the head of a request; then 408",
    )
    body_seconds: float = Field(
        default=20.0, gt=0, description="how long a caller may take to send a body; then 408"
    )
    write_seconds: float = Field(
        default=20.0,
        gt=0,
        description="how long a caller may leave answers unread; then the connection is closed",
    )
    max_requests: int = Field(
        default=512,
        ge=1,
        description="requests that one process has in hand, those whose body is still arriving not"
        " counted; more get 503 and Retry-After",
    )
    max_connections: int = Field(
        default=1000,
        ge=1,
        description="connections of one process, at most three quarters of the descriptors that it"
        " may open; for one more, that which has waited longest for its caller is closed",
    )
    http: Literal["fast", "uvicorn"] = Field(
        default="fast",
        description="what writes answers: fast looks through each once and writes it whole;"
        " uvicorn, should that be suspected, is Uvicorn's own code. All bounds hold for both",
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
        return value if value == ("*",) else checked_networks(value)


class DatabaseSettings(Group):
    """The database; sqlite, postgresql or mysql, with our async drivers."""

    url: Annotated[SecretUrl, DATABASE_FILE] = Field(
        default=SecretStr("sqlite:///dcrserver.db"),
        description="SQLAlchemy URL: sqlite:///FILE, postgresql://..., mysql://... TLS:"
        " ?ssl_ca=FILE&ssl_mode=verify-full, also verify-ca, required; ssl_cert=FILE&ssl_key=FILE;"
        " PostgreSQL's own names are taken, too",
    )
    url_file: Path | None = Field(default=None, description="a file that holds url, in its place")
    password: SecretStr | None = Field(
        default=None, description="that of the user in url, as it is: nothing is percent-encoded"
    )
    password_file: Path | None = Field(
        default=None, description="a file that holds password, in its place"
    )
    pool_size: int = Field(
        default=10, ge=1, description="connections of one process; two more are for lists"
    )
    pool_timeout: float = Field(default=5.0, gt=0, description="seconds to wait for a connection")
    statement_timeout: float = Field(default=10.0, gt=0, description="seconds for one statement")
    query_timeout: float = Field(
        default=30.0, gt=0, description="seconds for one page of a list, a search or an export"
    )
    causal_reads: bool = Field(
        default=True,
        description="at a node of a Galera cluster: a read waits for what other nodes acknowledged"
        " before it",
    )


class RegistrationSettings(Group):
    """Who may register."""

    mode: Literal["open", "protected", "closed"] = Field(
        default="open",
        description="open: anyone; protected: holders of an initial access token; closed: nobody"
        " but administrators",
    )
    validate_endpoint: bool | None = Field(
        default=None,
        description="POST /register/validate explains a submission without registering it; unset:"
        " on for holders of an initial access token, off in open mode",
    )


class AuthorizationServerSettings(BaseModel):
    """The authorization server behind: any member of its metadata (RFC 8414 2), by name."""

    model_config = ConfigDict(extra="allow", frozen=True)

    metadata: Annotated[str | None, DOCUMENT] = Field(
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


def _tenant_name(name: str) -> str:
    if name == DEFAULT_TENANT:
        raise ValueError("is reserved: the default tenant is configured by the tables at the top")
    if not _TENANT_NAME.fullmatch(name):
        raise ValueError("a tenant's name has 1 to 64 letters, digits, dots, dashes, underscores")
    return name


TenantName = Annotated[str, AfterValidator(_tenant_name)]


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
    authorization_server: AuthorizationServerSettings | None = Field(
        default=None, description="a table as [authorization_server]: the one of this issuer"
    )
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
    nameservers: Texts = Field(
        default=(),
        description="addresses of name servers (ADDRESS, ADDRESS:PORT) in place of the system's",
    )
    concurrency: int = Field(default=128, ge=1, description="fetches at once")
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
    metadata_seconds: float = Field(
        default=300.0,
        gt=0,
        description="an authorization server's metadata at a URL is read anew when the copy in the"
        " database is so old; while that server is away, the last copy counts",
    )
    stale_seconds: float = Field(
        default=3600.0,
        ge=0,
        description="where a client's keys cannot be read anew, those that were read last are good"
        " for so long",
    )

    @field_validator("nameservers")
    @classmethod
    def _nameservers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            nameserver(each)
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, value: frozenset[str]) -> frozenset[str]:
        """What names no port would never equal anything."""
        lowered = frozenset(entry.lower() for entry in value)
        for entry in sorted(lowered):
            if not _HOST_AND_PORT.fullmatch(entry):
                raise ValueError(f"'{entry}' must be host:port, e.g. keys.internal.example:443")
        return lowered


class RateLimitSettings(Group):
    """Open registrations per address, and guesses at secrets."""

    enabled: bool = Field(default=True, description="false for load tests")
    open_registration: str = Field(
        default="60/minute", description="clients made, per IPv4 address or IPv6 /64"
    )
    open_registration_total: str = Field(
        default="6000/minute", description="clients made per tenant, all addresses together"
    )
    open_registration_attempts: str = Field(
        default="300/minute",
        description="requests to register or to validate, refused ones too, per IPv4 address or"
        " IPv6 /64, counted by each process for itself",
    )
    failed_authentication: str = Field(
        default="30/minute",
        description="wrong credentials of one client from one address, counted by each process for"
        " itself",
    )


class WorkerSettings(Group):
    """Work in the background: what expired is removed, signing keys are renewed, metadata of
    authorization servers are read again. One worker does a job at a time, however many there are.
    """

    inside: bool = Field(
        default=True,
        description="each process of the server is a worker too; false where `dcrserver worker`"
        " runs apart",
    )
    lease_seconds: int = Field(
        default=30,
        ge=2,
        le=3600,
        description="after so long without a sign of life from the worker that does a job, another"
        " one takes over",
    )


class RedisSettings(Group):
    """Shared state of several instances; in memory when unset."""

    url: SecretUrl | None = Field(default=None, description="redis:// or rediss://")
    url_file: Path | None = Field(default=None, description="a file that holds url, in its place")


class TelemetrySettings(Group):
    """Logs."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least that is logged"
    )
    format: Literal["json", "text"] = Field(
        default="json", description="one object a line, or text"
    )
