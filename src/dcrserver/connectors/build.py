"""Which class tells which kind of target."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name

from dcrserver.connectors.connector import Connector
from dcrserver.connectors.failures import TargetError
from dcrserver.settings import ConfigurationError, ConnectorSettings

# By name: what one kind needs is not loaded for the others.
CONNECTORS: Mapping[str, str] = {
    "hydra": "dcrserver.connectors.hydra.connector:HydraConnector",
    "json_file": "dcrserver.connectors.json_file:JsonFile",
    "keycloak": "dcrserver.connectors.keycloak.connector:KeycloakConnector",
    "rfc7591": "dcrserver.connectors.rfc7591.connector:Rfc7591Connector",
    "sql": "dcrserver.connectors.sql.connector:SqlConnector",
}


def build(name: str, settings: ConnectorSettings) -> Connector:
    """The connector of ``[connectors.NAME]``.

    Raises:
        ConfigurationError: there is none of that kind yet, or what it needs cannot be read.
    """
    path = CONNECTORS.get(settings.kind)
    if path is None:
        raise ConfigurationError(f"connectors.{name}: there is no kind {settings.kind} yet")
    try:
        made: Connector = resolve_name(path)(name, settings)
    except TargetError as error:
        raise ConfigurationError(f"connectors.{name}: {error}") from None
    return made
