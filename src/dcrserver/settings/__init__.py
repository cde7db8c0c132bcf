"""The configuration: one TOML file, and DCR_ environment variables that override it."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from dcrserver.metadata.policy import Policy
from dcrserver.settings.credentials import (
    MAX_TOKEN_LIFETIME,
    MutualTlsSettings,
    SecretSettings,
    TokenSettings,
)
from dcrserver.settings.groups import (
    RESERVED_TENANT,
    AuthorizationServerSettings,
    DatabaseSettings,
    OutboundSettings,
    RateLimitSettings,
    RedisSettings,
    RegistrationSettings,
    ServerSettings,
    TelemetrySettings,
    TenantName,
    TenantSettings,
)
from dcrserver.settings.locations import nearest, relative_to, siblings
from dcrserver.settings.values import Texts, checked_issuer

__all__ = [
    "MAX_TOKEN_LIFETIME",
    "RESERVED_TENANT",
    "AuthorizationServerSettings",
    "ConfigurationError",
    "DatabaseSettings",
    "MutualTlsSettings",
    "OutboundSettings",
    "RateLimitSettings",
    "RedisSettings",
    "RegistrationSettings",
    "SecretSettings",
    "ServerSettings",
    "Settings",
    "TelemetrySettings",
    "TenantSettings",
    "TokenSettings",
    "checked_issuer",
    "load",
]

_PREFIX = "DCR_"
# Read by others under our prefix: the file to load, and the databases of the test suite.
_CONFIG = "DCR_CONFIG"
_NOT_SETTINGS = (_CONFIG, "DCR_TEST_")


class ConfigurationError(Exception):
    """The configuration cannot be used; the message names the key."""


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
    policies: dict[str, Policy] = Field(
        default={},
        description="named policies, for tenants and for holders of initial access tokens that"
        " name one; each with a preset and keys as [policy]",
    )
    mutual_tls: MutualTlsSettings = MutualTlsSettings()
    authorization_server: AuthorizationServerSettings = AuthorizationServerSettings()
    webfinger: Texts = Field(
        default=(), description="as tenants.NAME.webfinger, for the default tenant"
    )
    tenants: dict[TenantName, TenantSettings] = Field(
        default={}, description="further issuers, each a table of its own, see below"
    )
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

    Files that ``path`` names are relative to its folder, all others to the working directory.
    ``flags`` are groups of values given on the command line, e.g. ``server={"port": 9000}``.

    Raises:
        ConfigurationError: unreadable file, unknown key, or wrong value; names every key.
    """
    if path is None and os.environ.get(_CONFIG):
        path = Path(os.environ[_CONFIG])
    _refuse_unknown_variables()
    try:
        settings = Settings(**{"_file": _read(path), **flags})
    except ValidationError as error:
        raise ConfigurationError(_explain(error)) from None
    except SettingsError as error:  # a variable that should be JSON and is not
        raise ConfigurationError(_not_json(str(error))) from None
    return _with_port_in_base_url(settings)


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from None
    made: dict[str, Any] = relative_to(path.absolute().parent, given, Settings)
    return made


def _refuse_unknown_variables() -> None:
    """A misspelt variable would otherwise be ignored in silence, in any case of its letters."""
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in os.environ:
        group = name.partition("__")[0].upper()
        if not group.startswith(_PREFIX) or name.startswith(_NOT_SETTINGS) or group in known:
            continue
        raise ConfigurationError(f"{name}: no such setting{nearest(group, {*known, _CONFIG})}")


def _not_json(message: str) -> str:
    """Which variables can be meant: the library names their group alone."""
    found = re.search(r'field "(\w+)"', message)
    prefix = f"{_PREFIX}{found.group(1).upper() if found else ''}"
    names = sorted(name for name in os.environ if name.upper().startswith(prefix))
    return f'{" or ".join(names)}: must be JSON, such as ["a"] for a list'


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        parts = [str(part) for part in problem["loc"] if part != "[key]"]
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = f"no such setting{nearest(parts[-1], siblings(parts[:-1], Settings))}"
        lines.append(f"{'.'.join(parts)}: {message}")
    return "\n".join(lines)


def _with_port_in_base_url(settings: Settings) -> Settings:
    """Unless it was set, the base URL follows the port."""
    if "base_url" in settings.server.model_fields_set:
        return settings
    server = settings.server.model_copy(
        update={"base_url": f"http://127.0.0.1:{settings.server.port}"}
    )
    return settings.model_copy(update={"server": server})
