"""Step: what only a look at the client's own servers can tell. Outside of any transaction."""

from __future__ import annotations

from dcrserver.errors import InvalidClientMetadata
from dcrserver.fetch import Fetcher, FetchError
from dcrserver.metadata import ClientMetadata, Policy
from dcrserver.metadata import jwks as key_sets
from dcrserver.metadata.model import Unacceptable
from dcrserver.strict_json import BadJson, JsonValue, loads

_MAX_MEMBERS = 10_000


class RemoteChecks:
    """Reads ``sector_identifier_uri``, and ``jwks_uri`` where the policy says so."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    async def check(self, metadata: ClientMetadata, policy: Policy) -> None:
        """
        Raises:
            InvalidClientMetadata: a document cannot be had, or does not say what it must.
        """
        if sector := metadata.text("sector_identifier_uri"):
            await self._check_sector(sector, metadata.texts("redirect_uris"))
        if policy.jwks.eager_fetch and (location := metadata.text("jwks_uri")):
            await self._check_jwks(location, policy)

    async def _check_sector(self, location: str, redirect_uris: list[str]) -> None:
        """OIDR-5-01, OIDR-5-02: a JSON array that holds every redirect URI."""
        listed = await self._json(location, "sector_identifier_uri")
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            raise _unusable("sector_identifier_uri", "not an array of strings")
        missing = [uri for uri in redirect_uris if uri not in listed]
        if missing:
            raise InvalidClientMetadata(
                f"sector_identifier_uri does not list the redirect URI {missing[0]}"
            )

    async def _check_jwks(self, location: str, policy: Policy) -> None:
        """R7591-2-13."""
        keys = await self._json(location, "jwks_uri")
        try:
            key_sets.check(keys, policy.jwks)
        except Unacceptable as error:
            raise _unusable("jwks_uri", str(error)) from None

    async def _json(self, location: str, member: str) -> JsonValue:
        try:
            document = await self._fetcher.fetch(location)
            return loads(document.body, max_members=_MAX_MEMBERS)
        except (FetchError, BadJson) as error:
            raise _unusable(member, str(error)) from None


def _unusable(member: str, detail: str) -> InvalidClientMetadata:
    """One answer for everything that can be wrong out there: no oracle for our network."""
    return InvalidClientMetadata(
        f"{member} could not be read as the JSON document it must be", detail=detail
    )
