"""How open registration is, and what who registers gets by it: told where somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from dcrserver.policies import Policy
from dcrserver.posture import strangers
from dcrserver.posture.findings import Check, Details, Severity, Subject
from dcrserver.tenants import Tenant

# Members by which whoever registers itself is let past people, or at clients of others.
_CONSENT: Mapping[str, bool] = MappingProxyType(
    {"management_application": True, "skip_consent": True, "third_party": False}
)
# Limits of [rate_limits] on the clients that strangers make, whoever they are.
_COUNTED = frozenset(
    {
        "open_registration", "open_registration_network", "open_registration_total",
        "registration", "all_registration",
    }
)  # fmt: skip
_MACHINES = "client_credentials"


def _where(test: Callable[[Tenant], bool]) -> Callable[[Subject], Iterable[Details]]:
    def look(subject: Subject) -> Iterator[Details]:
        return ({"tenant": each.name} for each in subject.tenants if test(each))

    return look


def _of_policy(test: Callable[[Policy], bool]) -> Callable[[Subject], Iterable[Details]]:
    return _where(lambda tenant: test(tenant.terms.policy))


def _of_strangers(test: Callable[[Policy], bool]) -> Callable[[Subject], Iterable[Details]]:
    return _where(lambda tenant: strangers.come(tenant) and test(tenant.terms.policy))


def _unlimited(tenant: Tenant) -> bool:
    is_limited = not _COUNTED.isdisjoint(tenant.limits.rates) or strangers.are_limited(tenant)
    return strangers.come(tenant) and not is_limited


def _bootstrap(subject: Subject) -> Iterator[Details]:
    if subject.settings.admin.bootstrap_token is not None:
        yield {}


def _any_machine(tenant: Tenant) -> bool:
    grants = strangers.supports(tenant, "grant_types_supported", _MACHINES)
    return grants and strangers.can_have(tenant, "grant_types", [_MACHINES])


def _any_scope(tenant: Tenant) -> bool:
    is_bounded = tenant.terms.server.supported("scopes_supported") is not None
    return not is_bounded and strangers.can_have(tenant, "scope", "x-of-a-stranger")


def _own_scheme(policy: Policy) -> bool:
    rules = policy.redirect
    is_any = rules.undotted_schemes == "any" or not rules.require_dot_in_scheme
    return (is_any or rules.web_custom_scheme) and not rules.https_only


def _at(*uris: str) -> Callable[[Subject], Iterable[Details]]:
    """Where strangers have codes sent to."""
    return _where(lambda tenant: strangers.can_have(tenant, "redirect_uris", [*uris]))


def _local(tenant: Tenant) -> bool:
    is_there = not tenant.terms.policy.redirect.https_only
    return is_there and strangers.can_have(tenant, "redirect_uris", ["http://127.0.0.1:1/callback"])


def _optional_statements(tenant: Tenant) -> bool:
    reads = tenant.terms.policy.statements_mode == "allowed"
    return strangers.come(tenant) and reads and bool(tenant.statement_issuers)


def _for_everybody(tenant: Tenant) -> bool:
    own = tenant.terms.policy.extensions.self_service & _CONSENT.keys()
    return any(strangers.can_have(tenant, member, _CONSENT[member]) for member in own)


CHECKS = (
    Check(
        "registration_open",
        Severity.LOW,
        "anybody may register a client",
        "registration.mode",
        _where(lambda tenant: strangers.come(tenant, held=False, anywhere=True)),
    ),
    Check(
        "registration_unlimited",
        Severity.HIGH,
        "anybody may register clients without end: no rate limit counts them",
        "rate_limits.open_registration",
        _where(_unlimited),
    ),
    Check(
        "redirect_uris_anywhere",
        Severity.HIGH,
        "whoever registers has codes sent to any host: no statement is about redirect_uris",
        "policy.statements",
        _at("https://stranger.invalid/callback"),
    ),
    Check(
        "redirect_uris_on_the_local_machine",
        Severity.INFO,
        "redirect URIs on a person's own machine are accepted, where any program may listen",
        "policy.redirect.https_only",
        _where(_local),
    ),
    Check(
        "redirect_uris_of_any_scheme",
        Severity.MEDIUM,
        "redirect URIs may have schemes that nobody owns: another app may take them over",
        "policy.redirect.undotted_schemes",
        _of_policy(_own_scheme),
    ),
    Check(
        "redirect_uris_with_user_information",
        Severity.MEDIUM,
        "redirect URIs may name a user before the host, which makes them read as another host",
        "policy.redirect.allow_userinfo",
        _of_policy(lambda policy: policy.redirect.allow_userinfo),
    ),
    Check(
        "redirect_uris_of_addresses",
        Severity.LOW,
        "https redirect URIs may have an IP address as host, which changes hands",
        "policy.redirect.ip_literal_https",
        _of_policy(lambda policy: policy.redirect.ip_literal_https),
    ),
    Check(
        "implicit_grant",
        Severity.MEDIUM,
        "the implicit grant may be registered: tokens in URLs (RFC 9700 2.1.2)",
        "policy.grants.implicit",
        _of_policy(lambda policy: policy.grants.implicit),
    ),
    Check(
        "password_grant",
        Severity.HIGH,
        "the password grant may be registered: clients see passwords (RFC 9700 2.4)",
        "policy.grants.password",
        _of_policy(lambda policy: policy.grants.password),
    ),
    Check(
        "machines_of_anybody",
        Severity.HIGH,
        "whoever registers may have client_credentials: tokens that nobody consents to",
        "policy.statements",
        _where(_any_machine),
    ),
    Check(
        "scopes_of_anybody",
        Severity.MEDIUM,
        "whoever registers may have any scope: neither the server nor a statement bounds them",
        "authorization_server.scopes_supported",
        _where(_any_scope),
    ),
    Check(
        "administrators_members_of_anybody",
        Severity.CRITICAL,
        "whoever registers decides whether people are asked for consent, or manages others",
        "policy.extensions.self_service",
        _where(_for_everybody),
    ),
    Check(
        "names_unprotected",
        Severity.MEDIUM,
        "whoever registers may use any name: no name is protected from being borne by others",
        "policy.protected_names",
        _of_strangers(lambda policy: not policy.protected_names),
    ),
    Check(
        "mixed_scripts",
        Severity.INFO,
        "names with words of two scripts are accepted, which can read as other words",
        "policy.text.mixed_scripts",
        _of_strangers(lambda policy: policy.text.mixed_scripts != "reject"),
    ),
    Check(
        "foreign_pages",
        Severity.INFO,
        "pages and logos may be on domains that no redirect URI is on",
        "policy.uris.foreign_domain",
        _of_strangers(
            lambda policy: policy.uris.foreign_domain != "reject" and not policy.uris.same_host
        ),
    ),
    Check(
        "pages_without_tls",
        Severity.LOW,
        "pages that people are shown may be http, where anybody on the way changes them",
        "policy.uris.require_https_display",
        _of_policy(lambda policy: not policy.uris.require_https_display),
    ),
    Check(
        "logout_without_tls",
        Severity.LOW,
        "confidential clients may have http logout URIs",
        "policy.logout.http_for_confidential",
        _of_policy(lambda policy: policy.logout.http_for_confidential),
    ),
    Check(
        "secrets_without_end",
        Severity.LOW,
        "the secrets of whoever registers never expire",
        "policy.secrets.lifetime",
        _where(lambda tenant: strangers.keep_for_ever(tenant, "secret")),
    ),
    Check(
        "registration_tokens_without_end",
        Severity.INFO,
        "the registration access tokens of whoever registers never expire",
        "policy.management.registration_access_token_lifetime",
        _where(lambda tenant: strangers.keep_for_ever(tenant, "registration_access_token")),
    ),
    Check(
        "registration_tokens_not_rotated",
        Severity.LOW,
        "a registration access token stays the same through every update: one that leaked works on",
        "policy.management.registration_access_token_rotation",
        _of_policy(lambda policy: not policy.management.rotates_on_update),
    ),
    Check(
        "unsigned_id_tokens",
        Severity.MEDIUM,
        "clients may ask for ID Tokens that nobody signs",
        "policy.id_token.allow_none",
        _of_policy(lambda policy: policy.id_token.allow_none),
    ),
    Check(
        "no_pkce",
        Severity.MEDIUM,
        "the authorization server does not say that it takes PKCE with S256, without which codes of"
        " public clients can be used by whoever sees them",
        "authorization_server.code_challenge_methods_supported",
        _where(
            lambda tenant: (
                "S256"
                not in (tenant.terms.server.supported("code_challenge_methods_supported") or ())
                and strangers.supports(tenant, strangers.METHODS, "none")
            )
        ),
    ),
    Check(
        "assertions_for_anybody",
        Severity.LOW,
        "assertions for other audiences beside the issuer are taken (RFC 10070)",
        "policy.authentication.assertion_audience",
        _of_policy(lambda policy: policy.authentication.assertion_audience == "any"),
    ),
    Check(
        "keys_unread",
        Severity.INFO,
        "what a jwks_uri leads to is not looked at when a client registers",
        "policy.jwks.eager_fetch",
        _of_strangers(lambda policy: not policy.jwks.eager_fetch),
    ),
    Check(
        "software_statements_optional",
        Severity.INFO,
        "software may be registered for which no trusted issuer vouches",
        "policy.statements_mode",
        _where(_optional_statements),
    ),
    Check(
        "registration_from_any_page",
        Severity.INFO,
        "scripts of any web page may register clients, as clients in browsers have to",
        "policy.cors.enabled",
        _of_strangers(lambda policy: policy.cors.enabled),
    ),
    Check(
        "bootstrap_token_left",
        Severity.LOW,
        "the first administrator's token is in the configuration: revoke it and take it out once"
        " others have theirs",
        "admin.bootstrap_token",
        _bootstrap,
        of_server=True,
    ),
)
