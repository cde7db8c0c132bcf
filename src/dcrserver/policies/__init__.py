"""The operator's choices where the specifications leave room, each with its key.

Set as ``[policy.redirect]``, ``[policy.jwks]``, ... in the configuration file.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pydantic import Field, model_validator

from dcrserver.policies.names.protected import ProtectedName, ProtectedNames
from dcrserver.policies.presets import PRESETS, PresetName
from dcrserver.policies.statements.grammar import Statement
from dcrserver.policies.switches.endpoints import (
    AuthenticationPolicy,
    CorsPolicy,
    DiscoveryPolicy,
    ManagementPolicy,
    SecretPolicy,
    WebFingerPolicy,
)
from dcrserver.policies.switches.group import Group
from dcrserver.policies.switches.requests import (
    KNOWN_SCHEMES,
    ArrayPolicy,
    JsonPolicy,
    LanguagePolicy,
    RedirectPolicy,
    RegistrationPolicy,
    ScopePolicy,
    TextPolicy,
    UriPolicy,
)
from dcrserver.policies.switches.security import (
    AlgorithmPolicy,
    CibaPolicy,
    ExtensionPolicy,
    FapiPolicy,
    GrantPolicy,
    IdTokenPolicy,
    JwksPolicy,
    LogoutPolicy,
    MutualTlsPolicy,
)
from dcrserver.policies.switches.software_statements import (
    SoftwareStatementPolicy,
    StatementsMode,
)

__all__ = ["KNOWN_SCHEMES", "AuthenticationPolicy", "JwksPolicy", "Policy", "RedirectPolicy"]


class Policy(Group):
    """All choices together."""

    preset: PresetName = Field(
        default="default", description="the set of choices that the others start from"
    )
    redirect: RedirectPolicy = RedirectPolicy()
    registration: RegistrationPolicy = RegistrationPolicy()
    json_: JsonPolicy = Field(default=JsonPolicy(), alias="json")
    text: TextPolicy = TextPolicy()
    array: ArrayPolicy = ArrayPolicy()
    languages: LanguagePolicy = LanguagePolicy()
    uris: UriPolicy = UriPolicy()
    grants: GrantPolicy = GrantPolicy()
    algorithms: AlgorithmPolicy = AlgorithmPolicy()
    extensions: ExtensionPolicy = ExtensionPolicy()
    mtls: MutualTlsPolicy = MutualTlsPolicy()
    logout: LogoutPolicy = LogoutPolicy()
    ciba: CibaPolicy = CibaPolicy()
    fapi: FapiPolicy = FapiPolicy()
    jwks: JwksPolicy = JwksPolicy()
    id_token: IdTokenPolicy = IdTokenPolicy()
    scope: ScopePolicy = ScopePolicy()
    management: ManagementPolicy = ManagementPolicy()
    secrets: SecretPolicy = SecretPolicy()
    authentication: AuthenticationPolicy = AuthenticationPolicy()
    cors: CorsPolicy = CorsPolicy()
    discovery: DiscoveryPolicy = DiscoveryPolicy()
    webfinger: WebFingerPolicy = WebFingerPolicy()
    statements_mode: StatementsMode = Field(
        default="ignored",
        description="software statements (RFC 7591 2.3): not read; read where one is sent; or no"
        " registration without one. Whose are trusted says [[software_statements]]",
    )
    software_statements: SoftwareStatementPolicy = SoftwareStatementPolicy()
    statements: tuple[Statement, ...] = Field(
        default=(),
        max_length=500,
        description="rules of the operator's own, in their order, each a table",
    )
    protected_names: tuple[ProtectedName, ...] = Field(
        default=(),
        max_length=500,
        description="names that only clients on their hosts may bear, or anything that looks like"
        " them",
    )

    @cached_property
    def decides(self) -> bool:
        """Whether there is anything to ask of a registration that the specifications allow."""
        return bool(self.statements or self.protected_names)

    @cached_property
    def names(self) -> ProtectedNames:
        """The protected names, by what they look like."""
        return ProtectedNames(self.protected_names)

    @cached_property
    def expiring(self) -> tuple[Statement, ...]:
        """The statements that say how long something lives."""
        return tuple(each for each in self.statements if each.then.expire is not None)

    @model_validator(mode="before")
    @classmethod
    def _start_from_the_preset(cls, given: object) -> object:
        """What is given wins, key by key, over what the preset says."""
        preset = PRESETS.get(str(given.get("preset"))) if isinstance(given, dict) else None
        if preset is None or not isinstance(given, dict):
            return given
        made: dict[str, Any] = dict(preset.policy)
        for name, value in given.items():
            over = isinstance(value, dict) and name in made
            made[name] = made[name] | value if over else value
        return made
