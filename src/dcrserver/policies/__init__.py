"""The operator's choices where the specifications leave room, each with its key.

Set as ``[policy.redirect]``, ``[policy.jwks]``, ... in the configuration file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from dcrserver.policies.names.protected import ProtectedName, ProtectedNames
from dcrserver.policies.presets import PRESETS, PresetName
from dcrserver.policies.statements.circumstances import COUNTING, OF_DNS
from dcrserver.policies.statements.grammar import Statement
from dcrserver.policies.switches.endpoints import (
    ApprovalPolicy,
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
    binding: Literal["active", "version"] = Field(
        default="active",
        description="by what clients are judged for life: the active version, whichever that is, or"
        " that which was active when they were born or moved to it. version is for policies that"
        " are made at run time: those of the file have none",
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
    approval: ApprovalPolicy = ApprovalPolicy()
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
        validate_default=True,
        description="rules of the operator's own, in their order, each a table",
    )
    protected_names: tuple[ProtectedName, ...] = Field(
        default=(),
        max_length=500,
        description="names that only clients on their hosts may bear, or anything that looks like"
        " them",
    )

    @field_validator("statements")
    @classmethod
    def _after_those_of_the_preset(
        cls, value: tuple[Statement, ...], info: ValidationInfo
    ) -> tuple[Statement, ...]:
        """A policy that was shown has those of its preset already."""
        first = PRESETS[info.data.get("preset", "default")].statements
        return (*first, *(each for each in value if each not in first))

    def model_copy(self, **how: Any) -> Self:  # noqa: ANN401 - as in pydantic
        """A copy, for which all that follows from its values is worked out anew."""
        made = super().model_copy(**how)
        for name in made.__dict__.keys() - type(self).model_fields.keys():
            del made.__dict__[name]
        return made

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

    @cached_property
    def asks_counts(self) -> Mapping[str, int]:
        """By what conditions count clients, and up to how many."""
        found: dict[str, int] = {}
        for key, condition in (each for made in self.statements for each in made.when.items()):
            if key.startswith(COUNTING):
                ends = (each for each in (condition.since, condition.until) if each is not None)
                most = max((int(each) for each in ends), default=0)
                by = key.removeprefix(COUNTING)
                found[by] = max(found.get(by, 0), most)
        return found

    @cached_property
    def asks_names(self) -> bool:
        """Whether conditions are about the DNS names of an address."""
        return any(not OF_DNS.isdisjoint(each.when) for each in self.statements)

    @cached_property
    def by_body_alone(self) -> bool:
        """Whether nothing beside its body counts for a registration: no certificate, no software
        statement, and nothing that has to be looked up.
        """
        looked_up = bool(self.asks_counts) or self.asks_names
        certified = self.mtls.registration_certificate
        return self.statements_mode == "ignored" and not certified and not looked_up

    @cached_property
    def asks_quotas(self) -> Mapping[str, int]:
        """As ``asks_counts``, and what effects limit."""
        found = dict(self.asks_counts)
        for limit in (each.then.limit for each in self.statements):
            if limit is not None:
                found[limit.by] = max(found.get(limit.by, 0), limit.clients)
        return found

    def where(self, *, issuers: bool, certificates: bool) -> Policy:
        """The policy with what its preset asks for where issuers of software statements are
        trusted, or the server is told of client certificates; what was set stays as it is.

        The same object for the same answers, as what follows from a policy is kept beside it.
        """
        return self._completed((issuers, certificates))

    @cached_property
    def _completed(self) -> Callable[[tuple[bool, bool]], Policy]:
        return cache(self._completed_by)

    def _completed_by(self, there: tuple[bool, bool]) -> Policy:
        preset = PRESETS[self.preset]
        wanted: dict[str, object] = {}
        for is_there, asked in zip(
            there, (preset.with_issuers, preset.with_certificates), strict=True
        ):
            wanted |= asked if is_there else {}
        made = {name: _unset(self, name, value) for name, value in wanted.items()}
        return self.model_copy(update=made) if wanted else self

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


def _unset(group: Group, name: str, value: object) -> object:
    """``value`` of a preset, key by key, where the operator set nothing."""
    found = getattr(group, name)
    if isinstance(value, Mapping) and isinstance(found, Group):
        return found.model_copy(update={key: _unset(found, key, value[key]) for key in value})
    return found if name in group.model_fields_set else value
