"""Makes tenants of the configuration, and again when an authorization server says what is new."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from dcrserver.limits import Limits
from dcrserver.metadata import Policy, Terms
from dcrserver.metadata.capabilities import capabilities_of
from dcrserver.names import DEFAULT_TENANT
from dcrserver.security import SecretBox
from dcrserver.services.tenants import server_metadata
from dcrserver.settings import (
    AuthorizationServerSettings,
    ConfigurationError,
    Settings,
    StatementIssuerSettings,
    TenantSettings,
    checked_issuer,
)
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Mode, Named, NamedPolicies, Tenant, TrustedIssuer

_STATEMENTS = "software_statements"


def metadata_locations(settings: Settings) -> Mapping[str, str]:
    """By tenant: the path or URL of its authorization server's metadata, where there is one."""
    servers = {DEFAULT_TENANT: settings.authorization_server} | {
        name: tenant.authorization_server for name, tenant in settings.tenants.items()
    }
    return {
        name: server.metadata
        for name, server in servers.items()
        if server is not None and server.metadata is not None
    }


class StoredTenant(NamedTuple):
    """What is stored of a tenant that was made at run time."""

    settings: TenantSettings
    suspended: bool


class _Facts(NamedTuple):
    """What is known of a tenant before a policy is applied: see ``Tenant``.

    ``policies``: what names of policies mean for it. ``trusts``: issuers of software statements.
    """

    name: str
    issuer: str
    policies: Mapping[Named, Policy]
    server: AuthorizationServerSettings
    document: JsonObject | None
    mode: Mode
    issues_tokens: bool
    waits: bool
    trusts: bool = False


class TenantFactory:
    """Makes each tenant of ``settings``, with what is known of its authorization server.

    ``stored``: those that are made beside them. ``policies``: what names of policies mean.
    ``statement_keys``: by tenant, what is ``Tenant.statement_keys``.

    Tenants without a server of their own are judged by the same terms, one object for all: what
    follows from terms is worked out once, however many such tenants there are.
    """

    def __init__(self, settings: Settings, box: SecretBox) -> None:
        self._settings = settings
        self._readable_secrets = box.can_encrypt
        self._rows = {name: member.row(name) for name, member in settings.members.items()}
        # What a tenant takes over from the default one: what is supported, not where it is.
        members = settings.authorization_server.members
        self._inherited = AuthorizationServerSettings(
            **{name: value for name, value in members.items() if name.endswith("_supported")}
        )
        self._shared: dict[tuple[Named | None, bool, bool], Terms] = {}
        self._limits = Limits(settings.rate_limits.rates())
        self._issuers = {DEFAULT_TENANT: _issuers(settings.software_statements, _STATEMENTS)}
        for name, tenant in settings.tenants.items():
            if tenant.software_statements is not None:
                place = f"tenants.{name}.{_STATEMENTS}"
                self._issuers[name] = _issuers(tenant.software_statements, place)
        self.policies = NamedPolicies(settings.policies)
        self.stored: dict[str, StoredTenant] = {}
        self.statement_keys: dict[str, str] = {}

    def all(self, documents: Mapping[str, JsonObject]) -> Iterator[Tenant]:
        """The default tenant first; ``documents``: metadata of authorization servers by tenant.

        Raises:
            ConfigurationError: a policy that is named does not exist, or an issuer cannot be one.
        """
        for name in (DEFAULT_TENANT, *self._settings.tenants):
            yield self.tenant(name, documents.get(name))

    def tenant(self, name: str, document: JsonObject | None) -> Tenant:
        """One of ``all``, or of those that are stored.

        Raises:
            ConfigurationError: as ``all``.
        """
        if stored := self.stored.get(name):
            return self.candidate(name, stored, document)
        return self._made(name, self._declared(name), document)

    def candidate(
        self, name: str, stored: StoredTenant, document: JsonObject | None = None
    ) -> Tenant:
        """What would come of ``stored``.

        Raises:
            ConfigurationError: as ``all``.
        """
        made = self._made(name, stored.settings, document)
        return replace(made, declared=False, suspended=stored.suspended)

    def _made(self, name: str, chosen: TenantSettings, document: JsonObject | None) -> Tenant:
        base = self._settings.server.base_url
        issuer = base if name == DEFAULT_TENANT else issuer_of(name, chosen, base)
        issuers = self._trusted(name, chosen)
        facts = self._facts(name, issuer, chosen, document)._replace(trusts=bool(issuers))
        explains = self._settings.registration.validate_endpoint
        return Tenant(
            name=name,
            issuer=issuer,
            members=server_metadata.published(self._members(facts, chosen.policy), issuer),
            terms=self._terms(facts, chosen.policy),
            webfinger=frozenset(chosen.webfinger),
            issues_tokens=facts.issues_tokens,
            mode=facts.mode,
            policies=NamedTerms(facts.policies, partial(self._terms, facts)),
            declared_policies=self.policies.declared,
            # Off in open mode unless configured: an explanation costs more than a refusal.
            explains=facts.mode != "open" if explains is None else explains,
            waits=facts.waits,
            restore_window=self._settings.clients.restore_window,
            asgardeo=(chosen.asgardeo or self._settings.asgardeo).enabled,
            server_issuer=str(((document or {}) | facts.server.members).get("issuer", "")),
            sign_in=server_metadata.sign_in(facts.server, document, issuer),
            statement_issuers=issuers,
            statement_keys=self.statement_keys.get(name, ""),
            mtls_root=self._mtls_root(facts, chosen.policy),
            limits=self._limited(chosen),
        )

    def _limited(self, chosen: TenantSettings) -> Limits:
        """One object for all tenants that say nothing of their own."""
        own = chosen.rate_limits
        if own is None or not self._settings.rate_limits.enabled:
            return self._limits
        return Limits(own.over(self._limits.rates))

    def _trusted(self, name: str, chosen: TenantSettings) -> Mapping[str, TrustedIssuer]:
        """Whose software statements the tenant takes: of entries of its own, or of all."""
        entries = chosen.software_statements
        if entries is None or name in self._issuers:
            return self._issuers.get(name, self._issuers[DEFAULT_TENANT])
        return _issuers(entries, f"tenants.{name}.{_STATEMENTS}", declared=False)

    def _facts(
        self, name: str, issuer: str, chosen: TenantSettings, document: JsonObject | None
    ) -> _Facts:
        server = chosen.authorization_server or self._inherited
        waits = server.metadata is not None and document is None
        issues_tokens = self._settings.tokens.enabled
        if issues_tokens is None:  # who waits may learn of another token endpoint: ours stays off
            issues_tokens = not waits and not server_metadata.has_token_endpoint(server, document)
        mode = chosen.mode or self._settings.registration.mode
        policies = self.policies.of(name)
        return _Facts(name, issuer, policies, server, document, mode, issues_tokens, waits)

    def _members(self, facts: _Facts, policy: Named | None) -> JsonObject:
        return server_metadata.server_metadata(
            facts.issuer,
            facts.server,
            facts.document,
            self._policy(facts, policy),
            issues_tokens=facts.issues_tokens,
            registers=facts.mode != "closed",
            reads_certificates=self._settings.reads_certificates,
            reads_documents=self._settings.documents.enabled,
            mtls_root=self._mtls_root(facts, policy),
        )

    def _mtls_root(self, facts: _Facts, policy: Named | None) -> str | None:
        """Where the endpoints of an issuer ask for certificates, by its path there; None where that
        is nothing to be told: they may be asked for anywhere, and nobody needs one.
        """
        base = self._settings.mutual_tls.base_url
        if base is not None:
            return f"{base}{urlsplit(facts.issuer).path.rstrip('/')}"
        demands = self._policy(facts, policy).mtls.registration_certificate
        return facts.issuer.rstrip("/") if demands else None

    def _terms(self, facts: _Facts, policy: Named | None) -> Terms:
        """What clients of the tenant are judged by under ``policy``; None is that at the top."""
        if facts.server is not self._inherited:
            return self._terms_of_its_own(facts, policy)
        key = (policy, facts.mode == "closed", facts.trusts)
        known = self._shared.get(key)
        # A policy of another version, or of this tenant alone, has other terms.
        if known is None or known.policy is not self._policy(facts, policy):
            known = self._shared[key] = self._terms_of_its_own(facts, policy)
        return known

    def _terms_of_its_own(self, facts: _Facts, policy: Named | None) -> Terms:
        return Terms(
            policy=self._policy(facts, policy),
            server=capabilities_of(self._members(facts, policy)),
            allowed_hosts=self._settings.outbound.allowed_hosts,
            readable_secrets=self._readable_secrets,
            members=self._rows,
            version=None if policy is None else self.policies.version(facts.name, policy),
        )

    def names(self, tenant: str) -> str | None:
        """The policy that its settings name, if they do."""
        stored = self.stored.get(tenant)
        return (stored.settings if stored else self._declared(tenant)).policy

    def _declared(self, name: str) -> TenantSettings:
        settings = self._settings
        if name != DEFAULT_TENANT:
            return settings.tenants[name]
        host = urlsplit(settings.server.base_url)
        return TenantSettings(
            webfinger=(*settings.webfinger, host.netloc.lower(), host.hostname or ""),
            authorization_server=settings.authorization_server,
        )

    def _policy(self, facts: _Facts, name: Named | None) -> Policy:
        found = self._settings.policy if name is None else facts.policies.get(name)
        if found is None:
            raise ConfigurationError(f"tenants.{facts.name}.policy: there is no policies.{name}")
        return found.where(issuers=facts.trusts, certificates=self._settings.reads_certificates)


def _issuers(
    entries: Sequence[StatementIssuerSettings], place: str, *, declared: bool = True
) -> Mapping[str, TrustedIssuer]:
    """As ``trusted``, which loads all that reads keys."""
    if not entries:
        return {}
    from dcrserver.services.software_statements.key_files import trusted

    return trusted(entries, place, declared=declared)


def issuer_of(name: str, tenant: TenantSettings, base: str) -> str:
    """Tenants are told apart by the path of their issuer, whatever its host.

    Raises:
        ConfigurationError: it is no issuer, or has no path of its own.
    """
    key = f"tenants.{name}"
    try:
        issuer = checked_issuer(
            tenant.base_url or f"{base.rstrip('/')}{(tenant.path or f'/t/{name}').rstrip('/')}"
        )
    except ValueError as error:
        raise ConfigurationError(f"{key}: {error}") from None
    path = urlsplit(issuer).path.rstrip("/")
    if not path:
        raise ConfigurationError(f"{key}: the issuer needs a path; its host alone finds nobody")
    if "%" in path or "//" in path:
        raise ConfigurationError(f"{key}: the path {path} cannot be that of a tenant")
    return issuer


class NamedTerms(Mapping[Named, Terms]):
    """The terms of the named policies as these are now, each worked out at its first need: most
    never are, and of thousands of tenants none has to be made anew because a policy was.
    """

    def __init__(
        self, policies: Mapping[Named, Policy], work_out: Callable[[Named], Terms]
    ) -> None:
        self._policies = policies
        self._work_out = work_out
        self._known: dict[Named, tuple[Policy, Terms]] = {}

    def __getitem__(self, name: Named) -> Terms:
        policy = self._policies[name]
        known, terms = self._known.get(name, (None, None))
        if terms is None or known is not policy:
            self._known = {each: found for each, found in self._known.items() if each in self}
            terms = self._work_out(name)
            self._known[name] = (policy, terms)
        return terms

    def __contains__(self, name: object) -> bool:
        return name in self._policies

    def __iter__(self) -> Iterator[Named]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)
