"""Step: the keys of an OpenID provider, by discovery, with room for their rotation.

Nothing is asked before a token needs it: a provider that is away keeps nobody from starting.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from dcrserver.errors import Unavailable
from dcrserver.fetch import CachingFetcher, Document, FetchError, HttpFetcher
from dcrserver.logger import Logger
from dcrserver.metadata import jwks, uris
from dcrserver.settings import AdminProviderSettings
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, loads_object

_log = Logger(__name__)
_MAX_MEMBERS = 10_000
# Invented kids must not make us knock at the provider's door with each request, nor a provider
# whose documents must not be remembered at all.
REFETCH_SECONDS = 10
# A provider that is silent holds up nobody whose key is known for longer.
_PATIENCE_SECONDS = 1.0
# As many signatures are verified for one token.
_MAX_CANDIDATES = 4


class KeySets:
    """Fetches the key sets of ``providers``, by their issuers.

    The operator named the hosts of the issuers and of ``jwks_uri``, so these may be inside.
    Whatever else a discovery document names must be as public as what clients name.
    """

    def __init__(self, fetcher: HttpFetcher, providers: Iterable[AdminProviderSettings]) -> None:
        self._fetcher = fetcher
        self._providers = {provider.issuer: provider for provider in providers}
        self._ours = {
            uris.parse(url).authority
            for provider in self._providers.values()
            for url in (provider.issuer, provider.jwks_uri)
            if url is not None
        }

    async def fetch(self, issuer: str) -> Document:
        """The JWK Set of ``issuer``, to be remembered.

        Raises:
            FetchError: as ``read``, and the log tells it, whoever may go on with an older one.
        """
        try:
            found = await self.read(issuer)
        except FetchError as error:
            _log.warning("admin_provider_unreachable", issuer=issuer, problem=str(error))
            raise
        if found.max_age is not None:
            found = replace(found, max_age=max(found.max_age, REFETCH_SECONDS))
        return found

    async def read(self, issuer: str) -> Document:
        """The JWK Set of ``issuer``, which may hold nothing that is of use.

        Raises:
            FetchError: it, or what says where it is, cannot be had.
        """
        location = self._providers[issuer].jwks_uri or await self._discovered(issuer)
        found = await self._from(location)
        if not isinstance(_object(found.body).get("keys"), list):
            raise FetchError(f"{location}: no JWK Set")
        return found

    async def problem(self, issuer: str) -> str | None:
        """Why no token of ``issuer`` could be verified just now; None where all is well."""
        try:
            keys = _keys((await self.read(issuer)).body)
        except FetchError as error:
            return str(error)
        kids = {str(key.get("kid")) for key in keys if "kid" in key}
        algorithms = self._providers[issuer].algorithms
        if any(_matching(keys, algorithm, kid) for kid in kids for algorithm in algorithms):
            return None
        return "its key set holds no key with a kid that fits an algorithm which is accepted"

    async def _discovered(self, issuer: str) -> str:
        """Where the keys are."""
        problems = []
        for location in locations_of(issuer):
            try:
                return _keys_of(issuer, _object((await self._from(location)).body))
            except FetchError as error:
                problems.append(f"{location}: {error}")
        raise FetchError("; ".join(problems))

    async def _from(self, url: str) -> Document:
        try:
            uri = uris.parse(url)
        except uris.BadUri as error:
            raise FetchError(f"the URL {error}") from None
        if uri.authority not in self._ours:
            return await self._fetcher.fetch(url)
        if uri.scheme != "https" and not uri.is_loopback:
            raise FetchError("not an https URL")
        return await self._fetcher.fetch_configured(url)


class ProviderKeys:
    """The keys of the provider ``name``, as ``key_sets`` remembers them."""

    def __init__(self, name: str, issuer: str, key_sets: CachingFetcher) -> None:
        self._name = name
        self._issuer = issuer
        self._key_sets = key_sets
        self._refetched = -float(REFETCH_SECONDS)

    async def candidates(self, algorithm: str, kid: str) -> list[JsonObject]:
        """Sound keys of this ``kid`` that fit ``algorithm``.

        One that is not known makes us read the set anew, but not often.

        Raises:
            Unavailable: the keys cannot be read now, and this one was not read a while ago. That
                is no proof of a wrong token.
        """
        found = _matching(await self.read(), algorithm, kid)
        if found:
            return found
        now = time.monotonic()
        if now - self._refetched >= REFETCH_SECONDS:
            self._refetched = now
        # Who comes while it is read waits for the same.
        return _matching(await self.read(newer_than=self._refetched), algorithm, kid)

    async def read(self, *, newer_than: float | None = None) -> list[JsonObject]:
        """All keys of the provider, as they are.

        ``newer_than``: a moment of ``time.monotonic()``; keys that were read before do not count.

        Raises:
            Unavailable: as ``candidates``.
        """
        try:
            document = await self._key_sets.fetch(
                self._issuer,
                newer_than=newer_than,
                stale=newer_than is None,
                patience=_PATIENCE_SECONDS,
            )
        except FetchError as error:
            raise Unavailable(
                f"the keys of the provider {self._name} cannot be read; try again later",
                detail=str(error),
            ) from None
        return _keys(document.body)


def locations_of(issuer: str) -> Iterator[str]:
    """Where an issuer's metadata may be: OpenID Connect Discovery 4, RFC 8414 3.1."""
    yield f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    yield f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{path}"


def _keys_of(issuer: str, metadata: JsonObject) -> str:
    """OpenID Connect Discovery 4.3: a document about another issuer says nothing of this one.

    Raises:
        FetchError: it is one, or names no keys.
    """
    if metadata.get("issuer") != issuer:
        raise FetchError("the document is not about this issuer")
    location = metadata.get("jwks_uri")
    if not isinstance(location, str):
        raise FetchError("the document names no jwks_uri")
    return location


def _matching(keys: list[JsonObject], algorithm: str, kid: str) -> list[JsonObject]:
    named: list[JsonValue] = [key for key in keys if key.get("kid") == kid]
    return jwks.sound_keys({"keys": named}, algorithm, kid)[:_MAX_CANDIDATES]


def _keys(body: bytes) -> list[JsonObject]:
    keys = _object(body).get("keys")
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


def _object(body: bytes) -> JsonObject:
    try:
        return loads_object(body, max_members=_MAX_MEMBERS)
    except BadJson:
        return {}
