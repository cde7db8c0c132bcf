"""The IANA special-purpose registries, and the addresses just outside of each range."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrserver.metadata.addresses import is_local_name, is_special
from harness.cases import each
from harness.properties import examples

requirement = pytest.mark.requirement

# The ranges as first and last address: another spelling than the networks of the module.
SPECIAL_RANGES = [
    ("0.0.0.0", "0.255.255.255"),  # noqa: S104 - an address to refuse
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.31.196.0", "192.31.196.255"),
    ("192.52.193.0", "192.52.193.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("192.175.48.0", "192.175.48.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "255.255.255.255"),
    ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
]
# Special for a reason of their own, whatever range they lie in.
SPECIAL = [
    "127.0.0.1",
    "169.254.169.254",  # cloud metadata
    "224.0.0.251",
    "239.255.255.250",
    "255.255.255.255",
    "::1",
    "::127.0.0.1",  # IPv4-compatible
    "::ffff:127.0.0.1",  # IPv4-mapped
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",  # IPv4-translated
    "64:ff9b::127.0.0.1",  # NAT64
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",  # local NAT64
    "100::1",  # discard
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    "2001:2::1",  # benchmarking
    "2001:20::1",  # ORCHIDv2
    "2002:7f00:1::1",  # 6to4 of 127.0.0.1
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",  # segment routing
    "fc00::1",
    "fd00:ec2::254",  # cloud metadata
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
GLOBAL = [
    "1.1.1.1",
    "8.8.8.8",
    "168.63.129.16",  # cloud metadata too, but a public address
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
]


def neighbours(first: str, last: str) -> list[str]:
    """The addresses just outside of a range that are in no other one."""
    low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
    inside = [(ipaddress.ip_address(a), ipaddress.ip_address(b)) for a, b in SPECIAL_RANGES]
    found = []
    for number in (int(low) - 1, int(high) + 1):
        if 0 <= number < 2**low.max_prefixlen:
            address = type(low)(number)
            if not any(a.version == address.version and a <= address <= b for a, b in inside):
                found.append(str(address))
    return found


OUTSIDE = sorted({text for row in SPECIAL_RANGES for text in neighbours(*row)})


@requirement("POL-49")
@each("first, last", SPECIAL_RANGES)
def test_both_ends_of_a_special_range_are_special(first: str, last: str) -> None:
    assert is_special(ipaddress.ip_address(first))
    assert is_special(ipaddress.ip_address(last))


@each("text", OUTSIDE)
def test_the_addresses_around_them_are_not(text: str) -> None:
    assert not is_special(ipaddress.ip_address(text))


def test_there_are_addresses_around_them() -> None:
    """Two around each range, less the ends of the address space and what two ranges share."""
    assert {"9.255.255.255", "11.0.0.0", "223.255.255.255", "2000::", "2003::"} <= set(OUTSIDE)
    assert len(OUTSIDE) == 32 + 12  # IPv4 and IPv6


@requirement("POL-49")
@each("text", SPECIAL)
def test_special_addresses(text: str) -> None:
    assert is_special(ipaddress.ip_address(text))


@each("text", GLOBAL)
def test_global_addresses(text: str) -> None:
    assert not is_special(ipaddress.ip_address(text))


@requirement("POL-49")
@examples(300)
@given(
    st.ip_addresses()
    | st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)
    | st.integers(0, 2**32 - 1).map(lambda low: ipaddress.IPv6Address((0xFFFF << 32) | low))
)
def test_no_less_strict_than_the_standard_library(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert is_special(address)


@requirement("POL-49")
@each(
    "host",
    [
        "localhost",
        "a.localhost",
        "a.b.localhost",
        "localhost.localdomain",
        "printer.local",
        "local",
        "metadata.google.internal",
        "internal",
        "nas.home.arpa",
        "home.arpa",
    ],
)
def test_local_names(host: str) -> None:
    assert is_local_name(host)


@each(
    "host",
    [
        "",
        "a.example",
        "localhost.example",
        "notlocalhost",
        "mylocal",
        "internal.example",
        "arpa",
        "xhome.arpa",
        "in-addr.arpa",
        "127.0.0.1",
    ],
)
def test_other_names(host: str) -> None:
    assert not is_local_name(host)
