"""The configuration: one TOML file, and DCR_ environment variables that override it."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from dcrserver import server_metadata
from dcrserver.metadata import uris
from dcrserver.metadata.policy import Policy
from dcrserver.strict_json import JsonValue

_PREFIX = "DCR_"
# Read by others under our prefix: the file to load, and the databases of the test suite.
_NOT_SETTINGS = ("DCR_CONFIG", "DCR_TEST_")

# Up to the last at-sign: a password that should have been percent-encoded is hidden whole.
_PASSWORD = re.compile(r"(?<=://)([^:@/]*:).*@")
_SECRET_PARAMETER = re.compile(r"(?i)([?&][^=&]*(?:pass|pwd|secret|token|key)[^=&]*=)[^&]*")


class ConfigurationError(Exception):
    """The configuration cannot be used; the message names the key."""


def _listed(value: object) -> object:
    """A list as text, as environment variables bring it: JSON, or separated by commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [item.strip() for item in value.split(",") if item.strip()]


Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
TextSet = Annotated[frozenset[str], NoDecode, BeforeValidator(_listed)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_listed)]


def _without_password(url: SecretStr) -> str:
    """A URL to show; what looks like a password of any driver, in the query too, stays here."""
    shown = _PASSWORD.sub(r"\1**********@", url.get_secret_value())
    return _SECRET_PARAMETER.sub(r"\1**********", shown)


SecretUrl = Annotated[SecretStr, PlainSerializer(_without_password, when_used="json")]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(_Group):
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


def checked_issuer(value: str) -> str:
    """An issuer: http(s), a host, no query, no fragment (OIDD-2-02, R8414-2-01); no end slash.

    Raises:
        ValueError: it is none.
    """
    try:
        uri = uris.parse(value)
    except uris.BadUri as error:
        raise ValueError(str(error)) from None
    if uri.scheme not in {"http", "https"}:
        raise ValueError("must be an http(s) URL with a host")
    if uri.userinfo or uri.query is not None or uri.fragment is not None:
        raise ValueError("must not hold user information, a query or a fragment")
    return value.rstrip("/")


class DatabaseSettings(_Group):
    """The database; sqlite, postgresql or mysql, with our async drivers."""

    url: SecretUrl = Field(
        default=SecretStr("sqlite:///dcrserver.db"),
        description="SQLAlchemy URL: sqlite:///FILE, postgresql://..., mysql://...",
    )
    pool_size: int = Field(default=10, ge=1, description="connections of one process")
    pool_timeout: float = Field(default=5.0, gt=0, description="seconds to wait for a connection")
    statement_timeout: float = Field(default=10.0, gt=0, description="seconds for one statement")


class RegistrationSettings(_Group):
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
    client_secret_lifetime: int = Field(
        default=0, ge=0, description="seconds until a client_secret expires; 0 = never"
    )


class TokenSettings(_Group):
    """The built-in token endpoint."""

    enabled: bool | None = Field(
        default=None,
        description="None: on unless an external authorization server has a token endpoint",
    )
    lifetime: int = Field(default=300, ge=10, le=86400, description="of access tokens, seconds")
    audience: str | None = Field(
        default=None, description="aud of access tokens; the issuer if unset"
    )


class SecretSettings(_Group):
    """Encryption at rest of what must be readable again."""

    encryption_keys: Secrets = Field(
        default=(),
        description="base64 of 32 random bytes each; the first encrypts, all decrypt. They encrypt"
        " the signing keys of the token endpoint, which are stored in clear without them, and are"
        " needed for client_secret_jwt and HMAC algorithms",
    )


class AuthorizationServerSettings(BaseModel):
    """The authorization server behind: any member of its metadata (RFC 8414 2), by name."""

    model_config = ConfigDict(extra="allow", frozen=True)

    metadata: str | None = Field(
        default=None,
        description="path or URL of its metadata document; other members override it",
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


class TenantSettings(_Group):
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

    @field_validator("base_url")
    @classmethod
    def _issuer(cls, value: str | None) -> str | None:
        return None if value is None else checked_issuer(value)


class OutboundSettings(_Group):
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


class RateLimitSettings(_Group):
    """Open registrations per address (POL-47)."""

    enabled: bool = Field(default=True, description="false for load tests")
    open_registration: str = Field(default="60/minute", description="per IPv4 address or IPv6 /64")
    open_registration_total: str = Field(
        default="6000/minute", description="per tenant, all addresses together"
    )


class RedisSettings(_Group):
    """Shared state of several instances; in memory when unset."""

    url: SecretUrl | None = Field(default=None, description="redis:// or rediss://")


class TelemetrySettings(_Group):
    """Logs."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least that is logged"
    )
    format: Literal["json", "text"] = Field(
        default="json", description="one object a line, or text"
    )


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    registration: RegistrationSettings = RegistrationSettings()
    tokens: TokenSettings = TokenSettings()
    secrets: SecretSettings = SecretSettings()
    policy: Policy = Policy()
    authorization_server: AuthorizationServerSettings = AuthorizationServerSettings()
    webfinger: Texts = Field(
        default=(), description="as tenants.NAME.webfinger, for the default tenant"
    )
    tenants: dict[str, TenantSettings] = Field(default={})
    outbound: OutboundSettings = OutboundSettings()
    rate_limits: RateLimitSettings = RateLimitSettings()
    redis: RedisSettings = RedisSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is given
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # Flags of the command line, then the environment, then the file.
        assert isinstance(init_settings, InitSettingsSource)  # noqa: S101 - a fact for the type checker
        given = dict(init_settings.init_kwargs)
        file: dict[str, Any] = given.pop("_file", {})
        return (
            InitSettingsSource(settings_cls, given),
            env_settings,
            InitSettingsSource(settings_cls, file),
        )


def load(path: Path | None = None, **flags: Any) -> Settings:  # noqa: ANN401 - any group
    """The settings from ``path`` (or DCR_CONFIG), the environment and ``flags``, last wins.

    ``flags`` are groups of values given on the command line, e.g. ``server={"port": 9000}``.

    Raises:
        ConfigurationError: unreadable file, unknown key, or wrong value; names every key.
    """
    if path is None and os.environ.get("DCR_CONFIG"):
        path = Path(os.environ["DCR_CONFIG"])
    _refuse_unknown_variables()
    try:
        settings = Settings(**{"_file": _read(path), **flags})
    except ValidationError as error:
        raise ConfigurationError(_explain(error)) from None
    except SettingsError as error:  # a variable that should be JSON and is not
        raise ConfigurationError(str(error)) from None
    return _with_port_in_base_url(settings)


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _refuse_unknown_variables() -> None:
    """A misspelt variable would otherwise be ignored in silence."""
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in os.environ:
        ours = name.startswith(_PREFIX) and not name.startswith(_NOT_SETTINGS)
        if ours and name.partition("__")[0].upper() not in known:
            raise ConfigurationError(f"{name}: no such setting")


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        key = ".".join(str(part) for part in problem["loc"])
        unknown = problem["type"] == "extra_forbidden"
        message = "no such setting" if unknown else problem["msg"].removeprefix("Value error, ")
        lines.append(f"{key}: {message}")
    return "\n".join(lines)


def _with_port_in_base_url(settings: Settings) -> Settings:
    """Unless it was set, the base URL follows the port."""
    if "base_url" in settings.server.model_fields_set:
        return settings
    server = settings.server.model_copy(
        update={"base_url": f"http://127.0.0.1:{settings.server.port}"}
    )
    return settings.model_copy(update={"server": server})
