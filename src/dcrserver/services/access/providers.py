"""Step: administrators who bring an access token of a configured OpenID provider.

The database is not asked: what such a token says is all that is known of its bearer.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

from dcrserver import jose
from dcrserver.errors import InvalidToken, ProtocolError
from dcrserver.fetch import CachingFetcher, HttpFetcher
from dcrserver.services.access import provider_tokens
from dcrserver.services.access.provider_keys import KeySets, ProviderKeys
from dcrserver.services.audit.actors import Actor
from dcrserver.settings import AdminProviderSettings, OutboundSettings

_DOTS = 2  # of a compact JWS


class Providers:
    """The configured providers, each with its keys.

    ``looked_at``: tokens by provider and what came of them, for the metrics.
    """

    def __init__(
        self,
        providers: Mapping[str, AdminProviderSettings],
        fetcher: HttpFetcher,
        settings: OutboundSettings,
    ) -> None:
        # A memory of its own: what clients make us read pushes nothing out of it.
        self._sources = KeySets(fetcher, providers.values())
        self._key_sets = CachingFetcher(self._sources, settings)
        self._settings = providers
        self._by_issuer = {provider.issuer: name for name, provider in providers.items()}
        self._keys = {
            name: ProviderKeys(name, provider.issuer, self._key_sets)
            for name, provider in providers.items()
        }
        self.looked_at: Counter[tuple[str, str]] = Counter()

    def may_read(self, bearer: str) -> bool:
        """Whether it has the form of a JWT, and there is a provider that might have made it."""
        return bool(self._by_issuer) and bearer.count(".") == _DOTS

    async def actor(self, bearer: str, tenant: str) -> Actor | None:
        """Who a token lets in at ``tenant``; None where no provider of ours says that it made it.

        Raises:
            InvalidToken: it is forged, expired, or cannot be accepted for another reason.
            InsufficientScope: it is good, but for other tenants, or names no owner.
            Unavailable: the keys of its provider cannot be read.
        """
        if not self.may_read(bearer):
            return None
        try:
            jws = jose.parse(bearer)
        except jose.BadJws as error:
            raise InvalidToken(f"the token cannot be accepted: {error}") from None
        name = self._by_issuer.get(jws.text("iss"))
        if name is None:
            return None
        try:
            actor = await self._verified(jws, name, tenant)
        except ProtocolError as error:
            self.looked_at[name, error.code] += 1
            raise
        self.looked_at[name, "accepted"] += 1
        return actor

    async def problems(self) -> Mapping[str, str | None]:
        """By provider, why its tokens could not be verified just now; all are asked."""
        problems = await asyncio.gather(
            *(self._sources.problem(each.issuer) for each in self._settings.values())
        )
        return dict(zip(self._settings, problems, strict=True))

    async def close(self) -> None:
        """Gives up what is still being fetched."""
        await self._key_sets.close()

    async def _verified(self, jws: jose.Jws, name: str, tenant: str) -> Actor:
        """What costs nothing first: keys are looked for when all else is as it must be."""
        provider = self._settings[name]
        provider_tokens.check_header(jws, provider)
        provider_tokens.check_claims(jws, provider, time.time())
        candidates = await self._keys[name].candidates(jws.algorithm, jws.kid or "")
        if not any(jose.verify(jws, key, jws.algorithm) for key in candidates):
            raise InvalidToken("the signature of the token is not that of a key of its provider")
        return provider_tokens.actor_of(jws, name, provider, tenant)
