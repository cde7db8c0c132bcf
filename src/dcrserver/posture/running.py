"""What works as it is configured, but not as one would want it in production: told at the start."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from dcrserver.db.urls import database_url
from dcrserver.metadata import uris
from dcrserver.metadata.addresses import is_special
from dcrserver.posture import strangers
from dcrserver.posture.findings import Check, Details, Severity, Subject


def _limits_per_worker(subject: Subject) -> Iterator[Details]:
    settings = subject.settings
    if settings.server.workers > 1 and settings.redis.url is None:
        yield {"workers": settings.server.workers}


def _limits_in_memory(subject: Subject) -> Iterator[Details]:
    if not subject.limiter.store_up:
        yield {"setting": "redis.url"}


def _forged_addresses(subject: Subject) -> Iterator[Details]:
    """Whoever reaches us names the address that is counted."""
    settings = subject.settings
    if settings.rate_limits.enabled and settings.server.trusted_proxies == ("*",):
        yield {"trusted_proxies": "*"}


def _readable_secrets(subject: Subject) -> Iterator[Details]:
    settings = subject.settings
    for group in (settings.database, settings.redis, settings.secrets):
        for file in group.secret_files():
            if file.stat().st_mode & _OTHERS_MAY_READ:
                yield {"file": str(file)}


def _without_tls(subject: Subject) -> Iterator[Details]:
    """An issuer is https (OIDD-2-02, R8414-2-01); plain http is for the machine it runs on."""
    base_url = uris.parse(subject.settings.server.base_url)
    if base_url.scheme != "https" and not base_url.is_loopback:
        yield {"base_url": subject.settings.server.base_url}


def _keys_in_clear(subject: Subject) -> Iterator[Details]:
    shared = database_url(subject.settings.database).get_backend_name() != "sqlite"
    encrypted = subject.settings.secrets.encryption_keys
    if shared and not encrypted and any(tenant.issues_tokens for tenant in subject.tenants):
        yield {"unset": "secrets.encryption_keys"}


def _unreadable_secrets(subject: Subject) -> Iterator[Details]:
    for tenant in subject.tenants:
        methods = tenant.members.get("token_endpoint_auth_methods_supported")
        listed = isinstance(methods, list) and "client_secret_jwt" in methods
        if listed and not tenant.terms.readable_secrets:
            yield {"tenant": tenant.name, "unset": "secrets.encryption_keys"}


def _any_audience(subject: Subject) -> Iterator[Details]:
    if "*" not in subject.settings.tokens.resources:
        return
    for tenant in subject.tenants:
        if tenant.issues_tokens and strangers.come(tenant, held=False):
            yield {"tenant": tenant.name, "setting": "tokens.resources"}


def _any_page(subject: Subject) -> Iterator[Details]:
    """A browser inside carries what a page of anybody asks for to where that page cannot go."""
    if not subject.settings.policy.cors.enabled:
        return
    for tenant in subject.tenants:
        if strangers.come(tenant) and _is_internal(uris.parse(tenant.issuer)):
            yield {"tenant": tenant.name, "issuer": tenant.issuer, "setting": "policy.cors.enabled"}


def _spelt_otherwise(subject: Subject) -> Iterator[Details]:
    """Clients compare by octets (RFC 8414 3.3); another issuer altogether is meant."""
    for tenant in subject.tenants:
        other = tenant.server_issuer
        if other != tenant.issuer and other.rstrip("/") == tenant.root:
            yield {"tenant": tenant.name, "issuer": tenant.issuer, "authorization_server": other}


def _trusting_nobody(subject: Subject) -> Iterator[Details]:
    for tenant in subject.tenants:
        mode = tenant.terms.policy.statements_mode
        if mode != "ignored" and not (tenant.statement_issuers or tenant.statement_keys):
            yield {"tenant": tenant.name, "mode": mode, "unset": "software_statements"}


def _unread_statements(subject: Subject) -> Iterator[Details]:
    """A named policy may read them, for whoever is bound to it."""
    for tenant in subject.tenants:
        policies = [tenant.terms.policy, *subject.settings.policies.values()]
        if tenant.statement_issuers and all(p.statements_mode == "ignored" for p in policies):
            yield {"tenant": tenant.name, "setting": "policy.statements_mode"}


def _is_internal(uri: uris.Uri) -> bool:
    """By an address or a name that means nothing outside; the machine itself is for trying."""
    if uri.is_loopback or uri.host is None:
        return False
    if uri.address is not None:
        return is_special(ipaddress.ip_address(uri.host))
    return "." not in uri.host or uri.host.endswith(_INTERNAL)


_OTHERS_MAY_READ = 0o004  # of a mode
_INTERNAL = (".internal", ".local", ".lan", ".home.arpa", ".intranet", ".corp")
CHECKS = (
    Check(
        "rate_limits_per_worker",
        Severity.LOW,
        "each worker counts its own rate limits; redis.url makes them one",
        "redis.url",
        _limits_per_worker,
        of_server=True,
    ),
    Check(
        "rate_limits_in_memory",
        Severity.MEDIUM,
        "Redis does not answer: until it does, each process counts its own rate limits",
        "redis.url",
        _limits_in_memory,
        of_server=True,
    ),
    Check(
        "rate_limits_by_forged_addresses",
        Severity.HIGH,
        "whoever reaches the server names the address that is counted; name the proxies",
        "server.trusted_proxies",
        _forged_addresses,
        of_server=True,
    ),
    Check(
        "secrets_readable_by_others",
        Severity.HIGH,
        "the file of a secret should be readable by its owner alone",
        "secrets.encryption_keys_file",
        _readable_secrets,
        of_server=True,
    ),
    Check(
        "base_url_without_tls",
        Severity.CRITICAL,
        "secrets and tokens travel in clear: server.base_url is not https",
        "server.base_url",
        _without_tls,
        of_server=True,
    ),
    Check(
        # Dumps and replicas of a server database go places where an SQLite file of ours does not.
        "signing_keys_stored_in_clear",
        Severity.HIGH,
        "whoever reads the database, or a dump of it, can sign access tokens",
        "secrets.encryption_keys",
        _keys_in_clear,
        of_server=True,
    ),
    Check(
        "client_secret_jwt_without_a_key",
        Severity.LOW,
        "clients of client_secret_jwt are refused: no key encrypts the copy that it needs",
        "secrets.encryption_keys",
        _unreadable_secrets,
    ),
    Check(
        "tokens_for_any_resource",
        Severity.HIGH,
        "anybody may register and get a signed token for any audience; name those that there are",
        "tokens.resources",
        _any_audience,
    ),
    Check(
        "open_registration_from_any_page",
        Severity.HIGH,
        "any web page can register clients here through the browser of somebody inside",
        "policy.cors.enabled",
        _any_page,
    ),
    Check(
        "issuer_spelt_otherwise",
        Severity.LOW,
        "the authorization server writes the issuer with, or without, a final slash: clients that"
        " compare the two refuse it; write the base URL as it does",
        "server.base_url",
        _spelt_otherwise,
    ),
    Check(
        "software_statements_of_nobody",
        Severity.MEDIUM,
        "software statements are read and no issuer is trusted: each is refused",
        "software_statements",
        _trusting_nobody,
    ),
    Check(
        "software_statements_unread",
        Severity.MEDIUM,
        "issuers of software statements are trusted and no policy reads their statements",
        "policy.statements_mode",
        _unread_statements,
    ),
)
