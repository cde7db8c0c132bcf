"""Step: what only a look at the client's own servers can tell. Outside of any transaction."""

from __future__ import annotations

import time

from dcrserver.errors import InvalidClientMetadata
from dcrserver.fetch import CachingFetcher, FetchError
from dcrserver.metadata import ClientMetadata, Policy
from dcrserver.metadata import jwks as key_sets
from dcrserver.metadata.model import Unacceptable
from dcrserver.strict_json import BadJson, JsonValue, loads

_MAX_MEMBERS = 10_000


class RemoteChecks:
    """Reads ``sector_identifier_uri``, and ``jwks_uri`` where the policy says so."""

    def __init__(self, fetcher: CachingFetcher) -> None:
        self._fetcher = fetcher
        self._checks = (
            ("sector_identifier_uri", self._check_sector),
            ("jwks_uri", self._check_jwks),
        )
        self._members = frozenset(member for member, _ in self._checks)

    async def check(self, metadata: ClientMetadata, policy: Policy) -> None:
        """Reads the documents that a registration points to, and checks what they say.

        Raises:
            InvalidClientMetadata: a document cannot be had, or does not say what it must.
        """
        if self._members.isdisjoint(metadata.members):
            return
        asked_at = time.monotonic()
        for member, check in self._checks:
            location = metadata.text(member)
            if not location:
                continue
            try:
                await check(location, metadata, policy, None)
            except _Wanting:  # perhaps it was remembered, and has been mended since
                await check(location, metadata, policy, asked_at)

    async def _check_sector(
        self, location: str, metadata: ClientMetadata, _: Policy, newer_than: float | None
    ) -> None:
        """OIDR-5-01, OIDR-5-02: a JSON array that holds every redirect URI."""
        listed = await self._json(location, "sector_identifier_uri", newer_than)
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            raise _unusable("sector_identifier_uri", "not an array of strings")
        missing = [uri for uri in metadata.texts("redirect_uris") if uri not in listed]
        if missing:
            raise _Wanting(f"sector_identifier_uri does not list the redirect URI {missing[0]}")

    async def _check_jwks(
        self, location: str, metadata: ClientMetadata, policy: Policy, newer_than: float | None
    ) -> None:
        """R7591-2-13: read as if it had been given by value."""
        if not policy.jwks.eager_fetch:
            return
        keys = await self._json(location, "jwks_uri", newer_than)
        try:
            key_sets.check(keys, policy.jwks)
        except Unacceptable as error:
            raise _unusable("jwks_uri", str(error)) from None
        algorithm = metadata.text("token_endpoint_auth_signing_alg") or None
        if (
            metadata.auth_method == "private_key_jwt"
            and policy.jwks.require_usable_key
            and not key_sets.has_key_for(keys, "sig", algorithm)
        ):
            raise _Wanting("jwks_uri does not lead to a signing key for private_key_jwt")

    async def _json(self, location: str, member: str, newer_than: float | None) -> JsonValue:
        try:
            document = await self._fetcher.fetch(location, newer_than=newer_than)
            return loads(document.body, max_members=_MAX_MEMBERS)
        except (FetchError, BadJson) as error:
            raise _unusable(member, str(error)) from None


class _Wanting(InvalidClientMetadata):
    """A document could be read and does not hold what it must."""


def _unusable(member: str, detail: str) -> InvalidClientMetadata:
    """One answer for everything that can be wrong out there: no oracle for our network."""
    return InvalidClientMetadata(
        f"{member} could not be read as the JSON document it must be", detail=detail
    )
