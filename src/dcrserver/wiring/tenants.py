"""Builds the tenants from the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from dcrserver.metadata import Policy, Terms
from dcrserver.metadata.capabilities import capabilities_of
from dcrserver.names import DEFAULT_TENANT
from dcrserver.security import SecretBox
from dcrserver.services.tenants import server_metadata
from dcrserver.settings import (
    AuthorizationServerSettings,
    ConfigurationError,
    Settings,
    TenantSettings,
)
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant
from dcrserver.wiring.issuers import check_apart, issuer_of


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


def build_tenants(
    settings: Settings, documents: Mapping[str, JsonObject], box: SecretBox
) -> Sequence[Tenant]:
    """The default tenant first, then the configured ones; ``documents``: metadata by tenant.

    Raises:
        ConfigurationError: two tenants are in each other's way, or a policy that is named does
            not exist.
    """
    base = settings.server.base_url
    host = urlsplit(base)
    own = TenantSettings(
        webfinger=(*settings.webfinger, host.netloc.lower(), host.hostname or ""),
        authorization_server=settings.authorization_server,
    )
    made = [_tenant(settings, DEFAULT_TENANT, base, own, documents, box)]
    for name, tenant in settings.tenants.items():
        issuer = issuer_of(name, tenant, base)
        made.append(_tenant(settings, name, issuer, tenant, documents, box))
    check_apart(made)
    return made


def _capabilities_only(settings: AuthorizationServerSettings) -> dict[str, object]:
    """What a tenant takes over from the default one: what is supported, not where it is."""
    return {name: value for name, value in settings.members.items() if name.endswith("_supported")}


def _tenant(
    settings: Settings,
    name: str,
    issuer: str,
    chosen: TenantSettings,
    documents: Mapping[str, JsonObject],
    box: SecretBox,
) -> Tenant:
    server = chosen.authorization_server or AuthorizationServerSettings(
        **_capabilities_only(settings.authorization_server)
    )
    document = documents.get(name)
    waits = server.metadata is not None and document is None
    issues_tokens = settings.tokens.enabled
    if issues_tokens is None:  # who waits may learn of another token endpoint: ours stays off
        issues_tokens = not waits and not server_metadata.has_token_endpoint(server, document)
    mode = chosen.mode or settings.registration.mode

    def members(policy: Policy) -> JsonObject:
        return server_metadata.server_metadata(
            issuer,
            server,
            document,
            policy,
            issues_tokens=issues_tokens,
            registers=mode != "closed",
            reads_certificates=settings.mutual_tls.header is not None,
        )

    def terms(policy: Policy) -> Terms:
        return Terms(
            policy=policy,
            server=capabilities_of(members(policy)),
            allowed_hosts=settings.outbound.allowed_hosts,
            readable_secrets=box.can_encrypt,
        )

    policy = _policy(settings, name, chosen.policy)
    explains = settings.registration.validate_endpoint
    return Tenant(
        name=name,
        issuer=issuer,
        members=server_metadata.published(members(policy), issuer),
        terms=terms(policy),
        webfinger=frozenset(chosen.webfinger),
        issues_tokens=issues_tokens,
        mode=mode,
        policies={named: terms(each) for named, each in settings.policies.items()},
        # Off in open mode unless configured: an explanation costs more than a refusal.
        explains=mode != "open" if explains is None else explains,
        waits=waits,
        server_issuer=str(((document or {}) | server.members).get("issuer", "")),
    )


def _policy(settings: Settings, tenant: str, name: str | None) -> Policy:
    if name is None:
        return settings.policy
    if name not in settings.policies:
        raise ConfigurationError(f"tenants.{tenant}.policy: there is no policies.{name}")
    return settings.policies[name]
