"""Who holds a DNS name: the registrable domain, by the Public Suffix List that comes with a library
(no request is made; a newer list comes with a newer version of it).
"""

from __future__ import annotations

from functools import cache

from publicsuffixlist import PublicSuffixList

from dcrserver.caches import bounded_cache


# A few hosts are asked about again and again.
@bounded_cache(entries=1024, longest=253)
def registrable_domain(host: str) -> str:
    """The part of ``host`` that somebody registered: ``example.co.uk`` of ``a.b.example.co.uk``.

    ``host``: normalized, see ``statements.hosts``. A public suffix, an address and a name of one
    label stand for themselves.
    """
    if host[-1:].isdigit() or ":" in host:
        return host
    return _suffixes().privatesuffix(host) or host


def is_public_suffix(host: str) -> bool:
    """Whether anybody can have a name below ``host``, normalized: ``co.uk``, ``github.io``.

    A name that the list does not know, such as ``internal``, is for whoever runs a network.
    """
    return _suffixes().publicsuffix(host, accept_unknown=False) == host


@cache
def _suffixes() -> PublicSuffixList:
    """It takes 40 ms to read, so that only who needs it does."""
    return PublicSuffixList()
