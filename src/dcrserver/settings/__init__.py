"""The configuration: one TOML file, and DCR_ environment variables that override it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from dcrserver.metadata.lifetimes import MAX_TOKEN_LIFETIME
from dcrserver.policies import Policy
from dcrserver.settings.credentials import (
    MutualTlsSettings,
    SecretSettings,
    TokenSettings,
)
from dcrserver.settings.groups.administration import AdminProviderSettings, AdminSettings
from dcrserver.settings.groups.asgardeo import AsgardeoSettings
from dcrserver.settings.groups.authorization_server import AuthorizationServerSettings
from dcrserver.settings.groups.cli import CliSettings
from dcrserver.settings.groups.clients import ClientSettings
from dcrserver.settings.groups.connectors import ConnectorName, ConnectorSettings
from dcrserver.settings.groups.database import DatabaseSettings
from dcrserver.settings.groups.documents import DocumentSettings
from dcrserver.settings.groups.members import MemberName, MemberSettings
from dcrserver.settings.groups.outbound import OutboundSettings
from dcrserver.settings.groups.rate_limits import (
    RateLimitSettings,
    RedisSettings,
    TenantRateLimitSettings,
)
from dcrserver.settings.groups.registration import RegistrationSettings
from dcrserver.settings.groups.server import ServerSettings
from dcrserver.settings.groups.software_statements import StatementIssuerSettings, each_once
from dcrserver.settings.groups.telemetry import TelemetrySettings
from dcrserver.settings.groups.tenants import Answerable, TenantName, TenantSettings
from dcrserver.settings.groups.tls import TlsSettings
from dcrserver.settings.groups.worker import WorkerSettings
from dcrserver.settings.locations import nearest, relative_to
from dcrserver.settings.problems import problems_of, unknown_names
from dcrserver.settings.sources import PREFIX, Sources, variables_of
from dcrserver.settings.statements import problems_in
from dcrserver.settings.trusted_hosts import too_wide
from dcrserver.settings.values import checked_issuer

__all__ = [
    "MAX_TOKEN_LIFETIME",
    "AdminProviderSettings",
    "AdminSettings",
    "AuthorizationServerSettings",
    "CliSettings",
    "ClientSettings",
    "ConfigurationError",
    "ConnectorSettings",
    "DatabaseSettings",
    "DocumentSettings",
    "MutualTlsSettings",
    "OutboundSettings",
    "RateLimitSettings",
    "RedisSettings",
    "RegistrationSettings",
    "SecretSettings",
    "ServerSettings",
    "Settings",
    "StatementIssuerSettings",
    "TelemetrySettings",
    "TenantRateLimitSettings",
    "TenantSettings",
    "TokenSettings",
    "WorkerSettings",
    "checked_issuer",
    "configuration_file",
    "load",
    "nearest",
    "with_variable",
]

# Read by others under our prefix: the file to load, and the databases of the test suite.
_CONFIG = "DCR_CONFIG"
_KEY = re.compile(r"([a-z_]+(?:\.[A-Za-z0-9_-]+)+): (?!.*\(from )")
_NOT_SETTINGS = (_CONFIG, "DCR_TEST_")
_ONE_VERSION = (
    "must be active: what is in the file has one version, and nobody keeps those before; make the"
    " policy at run time (/admin/v1/policies)"
)


class ConfigurationError(Exception):
    """The configuration cannot be used; the message names the key."""


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    registration: RegistrationSettings = RegistrationSettings()
    tokens: TokenSettings = TokenSettings()
    secrets: SecretSettings = SecretSettings()
    policy: Policy = Policy()
    policies: dict[str, Policy] = Field(
        default={},
        description="named policies, for tenants and for holders of initial access tokens that"
        " name one; each with a preset and keys as [policy]",
    )
    members: dict[MemberName, MemberSettings] = Field(
        default={}, description="members of client metadata of your own, each a table, see below"
    )
    software_statements: tuple[StatementIssuerSettings, ...] = Field(
        default=(),
        description="trusted issuers of software statements, each a table of its own, see below;"
        " of the default tenant, and of those that name none",
    )
    tls: TlsSettings = TlsSettings()
    mutual_tls: MutualTlsSettings = MutualTlsSettings()
    authorization_server: AuthorizationServerSettings = AuthorizationServerSettings()
    connectors: dict[ConnectorName, ConnectorSettings] = Field(
        default={},
        description="authorization servers that are told of the clients, each a table of its own,"
        " see below",
    )
    webfinger: Answerable = Field(
        default=(), description="as tenants.NAME.webfinger, for the default tenant"
    )
    tenants: dict[TenantName, TenantSettings] = Field(
        default={}, description="further issuers, each a table of its own, see below"
    )
    clients: ClientSettings = ClientSettings()
    admin: AdminSettings = AdminSettings()
    documents: DocumentSettings = DocumentSettings()
    asgardeo: AsgardeoSettings = AsgardeoSettings()
    outbound: OutboundSettings = OutboundSettings()
    rate_limits: RateLimitSettings = RateLimitSettings()
    redis: RedisSettings = RedisSettings()
    worker: WorkerSettings = WorkerSettings()
    cli: CliSettings = CliSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    _read_from: Path | None = PrivateAttr(default=None)

    @property
    def reads_certificates(self) -> bool:
        """Whether the server is told of client certificates, by a proxy or by its own TLS."""
        return bool(self.mutual_tls.header or self.tls.client_ca_file)

    @property
    def read_from(self) -> Path | None:
        """The file that they were read from, if there was any."""
        return self._read_from

    @field_validator("software_statements")
    @classmethod
    def _each_once(
        cls, value: tuple[StatementIssuerSettings, ...]
    ) -> tuple[StatementIssuerSettings, ...]:
        each_once(value)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is given
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """pydantic-settings: where values come from, the first wins."""
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

    Files that ``path`` names are relative to its folder, all others to the working directory.
    ``flags`` are groups of values given on the command line, e.g. ``server={"port": 9000}``.

    Raises:
        ConfigurationError: unreadable file, unknown key, or wrong value; names every key.
    """
    path = configuration_file(path)
    _refuse_unknown_variables()
    text = _text(path)
    written = _read(path, text)
    sources = Sources(flags, path, written, text)
    try:
        settings = Settings(**{"_file": written, **flags})
    except ValidationError as error:
        raise ConfigurationError(_explain(error, sources)) from None
    except SettingsError as error:  # a variable that should be JSON and is not
        raise ConfigurationError(_not_json(str(error))) from None
    _check_policies(settings, sources)
    settings._read_from = path  # noqa: SLF001 - ours
    return _with_port_in_base_url(settings)


def with_variable(line: str) -> str:
    """A line about a setting that was found wrong later, with the variable that it came from."""
    found = _KEY.match(line)
    return line if found is None else line + Sources().told(found.group(1).split("."))


def configuration_file(given: Path | None) -> Path | None:
    """The file that ``load`` reads: ``given``, else that of DCR_CONFIG, else none."""
    return Path(os.environ[_CONFIG]) if given is None and os.environ.get(_CONFIG) else given


def _text(path: Path | None) -> str:
    try:
        return "" if path is None else path.read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _read(path: Path | None, text: str) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    made: dict[str, Any] = relative_to(path.absolute().parent, given, Settings)
    return made


def _refuse_unknown_variables() -> None:
    """A misspelt variable would otherwise be ignored in silence, in any case of its letters."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in os.environ:
        group = name.partition("__")[0].upper()
        if not group.startswith(PREFIX) or name.startswith(_NOT_SETTINGS) or group in known:
            continue
        raise ConfigurationError(f"{name}: no such setting{nearest(group, {*known, _CONFIG})}")


def _not_json(message: str) -> str:
    """Which variables are meant: the library names their group alone."""
    found = re.search(r'field "(\w+)"', message)
    group = found.group(1) if found else ""
    names = [name for name in variables_of(group) if not _is_readable(name)]
    return f'{" and ".join(names)}: must be JSON, such as ["a"] for a list'


def _is_readable(name: str) -> bool:
    """Whether a variable could be read if there were no other."""
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): os.environ[name]}
    try:
        source()
    except SettingsError:
        return False
    return True


def _explain(error: ValidationError, sources: Sources) -> str:
    """A line for each key."""
    return "\n".join(
        _line(problem.key, problem.text, sources) for problem in problems_of(error, Settings)
    )


def _line(key: tuple[str, ...], text: str, sources: Sources) -> str:
    return f"{'.'.join(key)}: {text}{sources.told(key)}"


def _check_policies(settings: Settings, sources: Sources) -> None:
    """
    Raises:
        ConfigurationError: a policy says what can never be, or an issuer of statements names
            members that nobody could send.
    """
    policies: dict[tuple[str, ...], Policy] = {("policy",): settings.policy}
    policies |= {("policies", name): policy for name, policy in settings.policies.items()}
    lines = [
        _line((*where, *problem.key), problem.text, sources)
        for where, policy in policies.items()
        for problem in (*problems_in(policy, settings.members), *too_wide(policy))
    ]
    lines += [
        _line((*where, "binding"), _ONE_VERSION, sources)
        for where, policy in policies.items()
        if policy.binding != "active"
    ]
    lines += [
        _line((*where, str(index), "may_set"), text, sources)
        for where, issuers in _statement_issuers(settings)
        for index, issuer in enumerate(issuers)
        for text in unknown_names(issuer.may_set, settings.members)
    ]
    if lines:
        raise ConfigurationError("\n".join(lines))


def _statement_issuers(
    settings: Settings,
) -> Iterator[tuple[tuple[str, ...], tuple[StatementIssuerSettings, ...]]]:
    """Each list of them, and its key."""
    key = "software_statements"
    yield (key,), settings.software_statements
    for name, tenant in settings.tenants.items():
        yield ("tenants", name, key), tenant.software_statements or ()


def _with_port_in_base_url(settings: Settings) -> Settings:
    """Unless it was set, the base URL follows the port."""
    if "base_url" in settings.server.model_fields_set:
        return settings
    scheme = "https" if settings.tls.certificate_file else "http"
    server = settings.server.model_copy(
        update={"base_url": f"{scheme}://127.0.0.1:{settings.server.port}"}
    )
    return settings.model_copy(update={"server": server})
