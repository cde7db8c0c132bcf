"""Step: the public keys of trusted issuers, with room for their rotation.

Nothing is asked before a statement needs it. What a statement says of keys (jku, x5u, x5c, jwk) is
never followed: an issuer's keys are where its entry says, and nowhere else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from dcrserver.errors import Unavailable
from dcrserver.fetch import CachingFetcher, Document, FetchError, HttpFetcher
from dcrserver.logger import Logger
from dcrserver.metadata import jwks
from dcrserver.settings import OutboundSettings
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, loads_object
from dcrserver.tenants import TrustedIssuer

_log = Logger(__name__)
_MAX_MEMBERS = 10_000
# Invented kids must not make us knock at the issuer's door with each request, nor an issuer whose
# keys must not be remembered at all.
_REFETCH_SECONDS = 10
# An issuer that is silent holds up nobody whose key is known for longer.
_PATIENCE_SECONDS = 1.0
# As many signatures are verified for one statement: all keys of the sets that there are, where it
# does not say which.
_MAX_CANDIDATES = 32


class StatementKeys:
    """Step: the keys of an issuer, of our files or of its jwks_uri."""

    def __init__(self, fetcher: HttpFetcher, settings: OutboundSettings) -> None:
        # Memories of their own: what clients make us read pushes nothing out of them. The operator
        # named the hosts of declared issuers, so these may be inside.
        self._declared = CachingFetcher(_KeySets(fetcher.fetch_configured), settings)
        self._others = CachingFetcher(_KeySets(fetcher.fetch), settings)

    async def candidates(
        self, issuer: TrustedIssuer, algorithm: str, kid: str | None
    ) -> list[JsonObject]:
        """Sound keys for ``algorithm``; with a ``kid``, those that have it or have none.

        One that is not known makes us read the set anew, but not often.

        Raises:
            Unavailable: the keys cannot be read now, and were not read a while ago. That is no
                proof of a forged statement.
        """
        if issuer.keys is not None:
            return known_keys(issuer, algorithm, kid)
        documents = self._declared if issuer.declared else self._others
        return await _found(documents, issuer.settings.jwks_uri or "", algorithm, kid)

    async def of_client(
        self, said: JsonObject, algorithm: str, kid: str | None
    ) -> list[JsonObject]:
        """As ``candidates``, of the keys that a statement has for its client: jwks_uri, or jwks.

        Raises:
            Unavailable: as ``candidates``.
        """
        location = said.get("jwks_uri")
        if not isinstance(location, str) or not location:
            return _matching(said.get("jwks"), algorithm, kid)
        return await _found(self._others, location, algorithm, kid)

    async def problem(self, issuer: TrustedIssuer) -> str | None:
        """Why no statement of ``issuer`` could be verified just now; None where all is well."""
        try:
            found = [
                key
                for algorithm in issuer.settings.algorithms
                for key in await self.candidates(issuer, algorithm, None)
            ]
        except Unavailable as error:
            return error.detail
        return None if found else "its key set holds no key for an algorithm which is accepted"

    async def close(self) -> None:
        """Gives up what is still being fetched."""
        await asyncio.gather(self._declared.close(), self._others.close())


async def _found(
    documents: CachingFetcher, location: str, algorithm: str, kid: str | None
) -> list[JsonObject]:
    found = _matching(await _read(documents, location), algorithm, kid)
    if found:
        return found
    # What was read a moment ago is as new as can be had, and who comes while it is read waits for
    # the same.
    newer_than = time.monotonic() - _REFETCH_SECONDS
    return _matching(await _read(documents, location, newer_than=newer_than), algorithm, kid)


async def _read(
    documents: CachingFetcher, location: str, *, newer_than: float | None = None
) -> JsonValue:
    """
    Raises:
        Unavailable: it cannot be read.
    """
    try:
        document = await documents.fetch(
            location,
            newer_than=newer_than,
            stale=newer_than is None,
            patience=_PATIENCE_SECONDS,
        )
        return loads_object(document.body, max_members=_MAX_MEMBERS)
    except (FetchError, BadJson) as error:
        raise Unavailable(
            "the keys that vouch for the client cannot be read; try again later",
            detail=str(error),
        ) from None


class _KeySets:
    """Reads what is a JWK Set, to be remembered."""

    def __init__(self, fetch: Callable[[str], Awaitable[Document]]) -> None:
        self._fetch = fetch

    async def fetch(self, url: str) -> Document:
        """
        Raises:
            FetchError: it cannot be had, or is none; the log tells it.
        """
        try:
            found = _key_set(await self._fetch(url))
        except FetchError as error:
            _log.warning("statement_issuer_unreachable", url=url, problem=str(error))
            raise
        if found.max_age is not None:
            found = replace(found, max_age=max(found.max_age, _REFETCH_SECONDS))
        return found


def known_keys(issuer: TrustedIssuer, algorithm: str, kid: str | None) -> list[JsonObject]:
    """As ``StatementKeys.candidates``, of keys in our files alone."""
    return _matching({"keys": list[JsonValue](issuer.keys or ())}, algorithm, kid)


def _key_set(document: Document) -> Document:
    """
    Raises:
        FetchError: it is none.
    """
    try:
        keys = loads_object(document.body, max_members=_MAX_MEMBERS).get("keys")
    except BadJson as error:
        raise FetchError(str(error)) from None
    if not isinstance(keys, list):
        raise FetchError("no JWK Set")
    return document


def _matching(keys: JsonValue, algorithm: str, kid: str | None) -> list[JsonObject]:
    return jwks.sound_keys(keys, algorithm, kid)[:_MAX_CANDIDATES]
