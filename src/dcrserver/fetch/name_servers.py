"""Name servers, asked by dnspython: loaded, as ``exchange`` is, when something is fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver
import dns.reversename

from dcrserver.settings.values import nameserver

# A datagram that was lost is sent again, or another name server asked.
_REPEAT_SECONDS = 0.4
_KINDS = (dns.rdatatype.A, dns.rdatatype.AAAA)


class NameServers:
    """Those of the system, or those that are configured."""

    def __init__(self, configured: Sequence[str]) -> None:
        """
        Raises:
            OSError: there is none.
        """
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not configured)
        except dns.resolver.NoResolverConfiguration:
            raise OSError("no name server is configured") from None
        if configured:
            self._resolver.nameservers = [
                dns.nameserver.Do53Nameserver(*nameserver(each)) for each in configured
            ]
        self._resolver.cache = None  # documents are remembered, not names
        self._resolver.timeout = _REPEAT_SECONDS

    async def ask(self, host: str, seconds: float, *, search: bool) -> list[str]:
        """All addresses of ``host``; empty when it has none.

        Raises:
            OSError: no name server said anything in ``seconds``.
        """
        answers = await asyncio.gather(
            *(
                self._resolver.resolve(host, kind, lifetime=seconds, search=search)
                for kind in _KINDS
            ),
            return_exceptions=True,
        )
        found = [str(row.address) for each in answers
                 if isinstance(each, dns.resolver.Answer) for row in each]  # fmt: skip
        if not found:
            _raise_unless_absent(answers)
        return found

    async def names(self, address: str, seconds: float) -> list[str]:
        """What the reverse zone of ``address`` calls it (PTR); empty where it says nothing.

        Raises:
            OSError: no name server said anything in ``seconds``.
        """
        (answer,) = await asyncio.gather(
            self._resolver.resolve(
                dns.reversename.from_address(address),
                dns.rdatatype.PTR,
                lifetime=seconds,
                search=False,
            ),
            return_exceptions=True,
        )
        if not isinstance(answer, dns.resolver.Answer):
            _raise_unless_absent([answer])
            return []
        return [str(row.target) for row in answer]


def _raise_unless_absent(answers: Sequence[object]) -> None:
    """Nothing was found: because there is nothing, or because nobody said so."""
    for each in answers:
        if isinstance(each, dns.resolver.NXDOMAIN | dns.resolver.NoAnswer):
            return
    for each in answers:
        if isinstance(each, dns.exception.DNSException | OSError):
            raise OSError(f"the name server: {each}") from None
        if isinstance(each, BaseException):
            raise each
