"""Which addresses are special-purpose, so that nothing a client sends makes us connect there.

Own table after the IANA special-purpose registries (RFC 6890 and its updates):
``ipaddress.is_global`` of Python 3.11 lets NAT64, 6to4, multicast and others pass.
"""

from __future__ import annotations

import ipaddress
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network, RFC 791
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # shared, RFC 6598
        "127.0.0.0/8",  # loopback, RFC 1122
        "169.254.0.0/16",  # link local and cloud metadata, RFC 3927
        "172.16.0.0/12",  # private, RFC 1918
        "192.0.0.0/24",  # protocol assignments, RFC 6890
        "192.0.2.0/24",  # documentation, RFC 5737
        "192.31.196.0/24",  # AS112, RFC 7535
        "192.52.193.0/24",  # AMT, RFC 7450
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "192.168.0.0/16",  # private, RFC 1918
        "192.175.48.0/24",  # AS112, RFC 7534
        "198.18.0.0/15",  # benchmarking, RFC 2544
        "198.51.100.0/24",  # documentation, RFC 5737
        "203.0.113.0/24",  # documentation, RFC 5737
        "224.0.0.0/4",  # multicast, RFC 5771
        "240.0.0.0/4",  # reserved and broadcast, RFC 1112
    )
)
# Only 2000::/3 is global unicast (RFC 4291 2.4); within it, these are not for us.
_IPV6_GLOBAL = ipaddress.IPv6Network("2000::/3")
_IPV6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments with Teredo and ORCHID, RFC 2928
        "2001:db8::/32",  # documentation, RFC 3849
        "2002::/16",  # 6to4, RFC 3056: carries an IPv4 address
        "2620:4f:8000::/48",  # AS112, RFC 7534
        "3fff::/20",  # documentation, RFC 9637
    )
)
# Names that resolvers answer with local addresses (RFC 6761, RFC 6762, RFC 8375, ICANN .internal).
_LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa", "localdomain")
_LOCAL_ENDINGS = tuple(f".{name}" for name in _LOCAL_NAMES)


def is_special(address: Address) -> bool:
    """Whether ``address`` must never be connected to on behalf of a client.

    Addresses that embed an IPv4 address (mapped, NAT64, 6to4, Teredo) lie outside of what is
    let through, so they need no unwrapping.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _IPV4)
    return address not in _IPV6_GLOBAL or any(address in network for network in _IPV6)


def is_local_name(host: str) -> bool:
    """Whether a DNS name by its form belongs to the local machine or network."""
    return host in _LOCAL_NAMES or host.endswith(_LOCAL_ENDINGS)
