"""An issuer of software statements that a tenant trusts, with its keys where they are ours."""

from __future__ import annotations

from dataclasses import dataclass

from dcrserver.settings import StatementIssuerSettings
from dcrserver.strict_json import JsonObject


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """``keys``: those that a file of ours holds; None: they are at the issuer's jwks_uri.

    ``declared``: by the configuration file, so that its jwks_uri may be anywhere.
    """

    settings: StatementIssuerSettings
    keys: tuple[JsonObject, ...] | None = None
    declared: bool = True
