"""What works as it is configured, but not as one would want it in production."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from dcrserver.db.urls import database_url
from dcrserver.metadata import uris
from dcrserver.metadata.addresses import is_special
from dcrserver.rate_limit import RateLimiter
from dcrserver.settings import Settings
from dcrserver.tenants import TenantRegistry

_Details: TypeAlias = Mapping[str, object]


class Finding(NamedTuple):
    """``details``: what it is about, as the log shows it."""

    name: str
    text: str
    details: _Details


class _Subject(NamedTuple):
    settings: Settings
    tenants: TenantRegistry
    limiter: RateLimiter


class _Check(NamedTuple):
    name: str
    text: str
    found: Callable[[_Subject], Iterable[_Details]]


def findings(settings: Settings, tenants: TenantRegistry, limiter: RateLimiter) -> list[Finding]:
    """All findings that apply, for the log at the start and ``config check``."""
    subject = _Subject(settings, tenants, limiter)
    return [
        Finding(check.name, check.text, details)
        for check in _CHECKS
        for details in check.found(subject)
    ]


def _limits_per_worker(subject: _Subject) -> Iterator[_Details]:
    settings = subject.settings
    if settings.server.workers > 1 and settings.redis.url is None:
        yield {"workers": settings.server.workers}


def _limits_in_memory(subject: _Subject) -> Iterator[_Details]:
    if not subject.limiter.store_up:
        yield {"setting": "redis.url"}


def _forged_addresses(subject: _Subject) -> Iterator[_Details]:
    """Whoever reaches us names the address that is counted."""
    settings = subject.settings
    if settings.rate_limits.enabled and settings.server.trusted_proxies == ("*",):
        yield {"trusted_proxies": "*"}


def _readable_secrets(subject: _Subject) -> Iterator[_Details]:
    settings = subject.settings
    for group in (settings.database, settings.redis, settings.secrets):
        for file in group.secret_files():
            if file.stat().st_mode & _OTHERS_MAY_READ:
                yield {"file": str(file)}


def _without_tls(subject: _Subject) -> Iterator[_Details]:
    """An issuer is https (OIDD-2-02, R8414-2-01); plain http is for the machine it runs on."""
    base_url = uris.parse(subject.settings.server.base_url)
    if base_url.scheme != "https" and not base_url.is_loopback:
        yield {"base_url": subject.settings.server.base_url}


def _keys_in_clear(subject: _Subject) -> Iterator[_Details]:
    shared = database_url(subject.settings.database).get_backend_name() != "sqlite"
    encrypted = subject.settings.secrets.encryption_keys
    if shared and not encrypted and any(tenant.issues_tokens for tenant in subject.tenants):
        yield {"unset": "secrets.encryption_keys"}


def _unreadable_secrets(subject: _Subject) -> Iterator[_Details]:
    for tenant in subject.tenants:
        methods = tenant.members.get("token_endpoint_auth_methods_supported")
        listed = isinstance(methods, list) and "client_secret_jwt" in methods
        if listed and not tenant.terms.readable_secrets:
            yield {"tenant": tenant.name, "unset": "secrets.encryption_keys"}


def _any_audience(subject: _Subject) -> Iterator[_Details]:
    if "*" not in subject.settings.tokens.resources:
        return
    for tenant in subject.tenants:
        if tenant.mode == "open" and tenant.issues_tokens:
            yield {"tenant": tenant.name, "setting": "tokens.resources"}


def _any_page(subject: _Subject) -> Iterator[_Details]:
    """A browser inside carries what a page of anybody asks for to where that page cannot go."""
    if not subject.settings.policy.cors.enabled:
        return
    for tenant in subject.tenants:
        if tenant.mode == "open" and _is_internal(uris.parse(tenant.issuer)):
            yield {"tenant": tenant.name, "issuer": tenant.issuer, "setting": "policy.cors.enabled"}


def _spelt_otherwise(subject: _Subject) -> Iterator[_Details]:
    """Clients compare by octets (RFC 8414 3.3); another issuer altogether is meant."""
    for tenant in subject.tenants:
        other = tenant.server_issuer
        if other != tenant.issuer and other.rstrip("/") == tenant.root:
            yield {"tenant": tenant.name, "issuer": tenant.issuer, "authorization_server": other}


def _trusting_nobody(subject: _Subject) -> Iterator[_Details]:
    for tenant in subject.tenants:
        mode = tenant.terms.policy.statements_mode
        if mode != "ignored" and not (tenant.statement_issuers or tenant.statement_keys):
            yield {"tenant": tenant.name, "mode": mode, "unset": "software_statements"}


def _unread_statements(subject: _Subject) -> Iterator[_Details]:
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
_CHECKS = (
    _Check(
        "rate_limits_per_worker",
        "each worker counts its own rate limits; redis.url makes them one",
        _limits_per_worker,
    ),
    _Check(
        "rate_limits_in_memory",
        "Redis does not answer: until it does, each process counts its own rate limits",
        _limits_in_memory,
    ),
    _Check(
        "rate_limits_by_forged_addresses",
        "whoever reaches the server names the address that is counted; name the proxies",
        _forged_addresses,
    ),
    _Check(
        "secrets_readable_by_others",
        "the file of a secret should be readable by its owner alone",
        _readable_secrets,
    ),
    _Check(
        "base_url_without_tls",
        "secrets and tokens travel in clear: server.base_url is not https",
        _without_tls,
    ),
    _Check(
        # Dumps and replicas of a server database go places where an SQLite file of ours does not.
        "signing_keys_stored_in_clear",
        "whoever reads the database, or a dump of it, can sign access tokens",
        _keys_in_clear,
    ),
    _Check(
        "client_secret_jwt_without_a_key",
        "clients of client_secret_jwt are refused: no key encrypts the copy that it needs",
        _unreadable_secrets,
    ),
    _Check(
        "tokens_for_any_resource",
        "anybody may register and get a signed token for any audience; name those that there are",
        _any_audience,
    ),
    _Check(
        "open_registration_from_any_page",
        "any web page can register clients here through the browser of somebody inside",
        _any_page,
    ),
    _Check(
        "issuer_spelt_otherwise",
        "the authorization server writes the issuer with, or without, a final slash: clients that"
        " compare the two refuse it; write the base URL as it does",
        _spelt_otherwise,
    ),
    _Check(
        "software_statements_of_nobody",
        "software statements are read and no issuer is trusted: each is refused",
        _trusting_nobody,
    ),
    _Check(
        "software_statements_unread",
        "issuers of software statements are trusted and no policy reads their statements",
        _unread_statements,
    ),
)
# What a finding may be called, and what it means; docs/telemetry.md lists them.
NAMES: Mapping[str, str] = {check.name: check.text for check in _CHECKS}
