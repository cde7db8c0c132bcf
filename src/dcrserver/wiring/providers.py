"""Makes what reads access tokens of OpenID providers, and says what of their settings is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from dcrserver.fetch import HttpFetcher
from dcrserver.services.access import provider_tokens, scopes
from dcrserver.services.access.providers import Providers
from dcrserver.settings import AdminProviderSettings, ConfigurationError, Settings, nearest


def providers(settings: Settings, fetcher: HttpFetcher) -> Providers:
    """The providers of ``settings``.

    Raises:
        ConfigurationError: what they are to give is nothing that there is, or cannot be bound.
    """
    configured = settings.admin.providers
    lines = [
        f"admin.providers.{name}.{problem}"
        for name, provider in configured.items()
        for problem in _problems(provider)
    ]
    if lines:
        raise ConfigurationError("\n".join(lines))
    return Providers(configured, fetcher, settings.outbound)


def _problems(provider: AdminProviderSettings) -> Iterator[str]:
    known = [*scopes.SCOPES, *scopes.ALIASES, *scopes.ROLES]
    for each in provider_tokens.not_ours(provider):
        yield f"scopes: {each}: no such scope or role{nearest(each, known)}"
    if provider_tokens.gives_ownership(provider) and provider.owner_claim is None:
        yield "owner_claim: the role owner needs a claim that names the owner"
