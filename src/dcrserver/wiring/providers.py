"""Whether what OpenID providers are to give administrators is anything that there is."""

from __future__ import annotations

from collections.abc import Iterator

from dcrserver.services.access.scopes import ALIASES, ROLES, SCOPES
from dcrserver.settings import AdminProviderSettings, ConfigurationError, Settings, nearest


def check_providers(settings: Settings) -> None:
    """Lets pass what all providers of ``settings`` are to give.

    Raises:
        ConfigurationError: a provider is to give something else, or ownership without an owner.
    """
    lines = [
        f"admin.providers.{name}.{problem}"
        for name, provider in settings.admin.providers.items()
        for problem in _problems(provider)
    ]
    if lines:
        raise ConfigurationError("\n".join(lines))


def _problems(provider: AdminProviderSettings) -> Iterator[str]:
    given = {each for grants in provider.scopes.values() for each in grants}
    known = {*SCOPES, *ALIASES, *ROLES}
    for each in sorted(given - known):
        yield f"scopes: {each}: no such scope or role{nearest(each, known)}"
    if "owner" in given and provider.owner_claim is None:
        yield "owner_claim: the role owner needs a claim that names the owner"
