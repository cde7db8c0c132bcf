"""Step: the public keys of a client, by value or by reference, with room for their rotation."""

from __future__ import annotations

import time
from collections import OrderedDict

from dcrserver.errors import Unavailable
from dcrserver.fetch import CachingFetcher, FetchError
from dcrserver.metadata import ClientMetadata, Policy
from dcrserver.metadata import jwks as key_sets
from dcrserver.metadata.model import Unacceptable
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, loads

_MAX_MEMBERS = 10_000
# Invented kids must not make us knock at the client's door with each request.
_REFETCH_SECONDS = 30.0
_MAX_REMEMBERED = 1000
# As many signatures are verified for one assertion.
_MAX_CANDIDATES = 4


class ClientKeys:
    """Step: the public keys of a client, by value or read from its jwks_uri."""

    def __init__(self, fetcher: CachingFetcher) -> None:
        self._fetcher = fetcher
        self._refetched: OrderedDict[str, float] = OrderedDict()

    async def candidates(
        self, client: ClientMetadata, policy: Policy, algorithm: str, kid: str | None
    ) -> list[JsonObject]:
        """Signing keys for ``algorithm``; with a ``kid``, those that have it or have none.

        A key that is not in a remembered document makes us read it anew, but not often.
        """
        found = _matching(await self.document(client, policy), algorithm, kid)
        location = client.text("jwks_uri")
        if found or not location or not self._may_refetch(location):
            return found
        return _matching(
            await self.document(client, policy, newer_than=time.monotonic()), algorithm, kid
        )

    async def document(
        self, client: ClientMetadata, policy: Policy, *, newer_than: float | None = None
    ) -> JsonValue:
        """The checked JWK Set; an empty one where what is there is none.

        Raises:
            Unavailable: it cannot be read now, and was not read a while ago. That is no proof of
                wrong credentials, and the client may come again.
        """
        location = client.text("jwks_uri")
        if not location:
            return client.members.get("jwks", {"keys": []})
        try:
            document = await self._fetcher.fetch(location, newer_than=newer_than, stale=True)
        except FetchError as error:
            raise Unavailable(
                "the keys of the client cannot be read from its jwks_uri; try again later",
                detail=str(error),
            ) from None
        try:
            keys = loads(document.body, max_members=_MAX_MEMBERS)
            key_sets.check(keys, policy.jwks)
        except (BadJson, Unacceptable):
            return {"keys": []}
        return keys

    def _may_refetch(self, location: str) -> bool:
        now = time.monotonic()
        if now - self._refetched.get(location, -_REFETCH_SECONDS) < _REFETCH_SECONDS:
            return False
        self._refetched[location] = now
        self._refetched.move_to_end(location)
        if len(self._refetched) > _MAX_REMEMBERED:
            self._refetched.popitem(last=False)
        return True


def _matching(keys: JsonValue, algorithm: str, kid: str | None) -> list[JsonObject]:
    suitable = key_sets.keys_for(keys, "sig", algorithm)
    named = [key for key in suitable if kid is None or key.get("kid", kid) == kid]
    return named[:_MAX_CANDIDATES]
