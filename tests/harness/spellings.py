"""Spellings of addresses that a client must not make us connect to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

# Special-purpose networks (IANA registries of IPv4 and IPv6 special-purpose addresses, and what
# is not unicast), from the registries and not from our own table.
NETWORKS_4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
    "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
]  # fmt: skip
NETWORKS_6 = [
    "::/128", "::1/128", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96",
    "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/32", "2001:1::1/128", "2001:2::/48",
    "2001:3::/32", "2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28",
    "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "4000::/3", "5f00::/16",
    "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
]  # fmt: skip
# The ones that attackers want, which are spelled in every way.
WANTED = ["127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1", "172.16.0.1", "0.0.0.0"]  # noqa: S104
NAMES = [
    "localhost", "LOCALHOST", "LocalHost", "localhost.", "a.localhost", "localhost.localdomain",
    "ip6-localhost", "ip6-loopback", "metadata.google.internal", "metadata", "instance-data",
    "kubernetes.default.svc", "db.internal", "printer.local", "router.home.arpa", "intranet",
    "127.0.0.1.nip.io", "10.0.0.1.sslip.io", "localtest.me", "rebind.example",
    "a.127.0.0.1.example",
    "xn--lcalhost-54a.example", "spoofed.burpcollaborator.example", "fd00-ec2--254.example",
]  # fmt: skip
# Public addresses that look like the others: they must pass, or the filter proves nothing.
PUBLIC = [
    "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
    "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
    "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255",
    "203.0.114.0", "223.255.255.255", "2001:200::1", "2001:db7:ffff::", "2001:db9::", "2003::1",
    "2606:4700:4700::1111", "2620:4f:8001::", "2a00::1", "3ffe:ffff::1",
]  # fmt: skip


def spellings() -> list[str]:
    """Hosts as they stand in a URL, each once."""
    found = [*_of_networks(), *NAMES]
    for address in WANTED:
        found.extend(_of_address(ipaddress.IPv4Address(address)))
    found.extend(["[fd00:ec2::254]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::0001]", "[0000::1]"])
    found.extend(
        ["[fe80::1%25eth0]", "[fe80::1%eth0]", "[::1%25lo]", "[::1]:80", "[::ffff:7f00:1]"]
    )
    return list(dict.fromkeys(found))


def _of_networks() -> Iterator[str]:
    """First, middle and last address of each network."""
    for text in NETWORKS_4:
        network = ipaddress.IPv4Network(text)
        for position in (0, network.num_addresses // 2, network.num_addresses - 1):
            yield str(network[position])
    for text in NETWORKS_6:
        wide = ipaddress.IPv6Network(text)
        for position in (0, wide.num_addresses // 2, wide.num_addresses - 1):
            yield f"[{wide[position]}]"


def _of_address(address: ipaddress.IPv4Address) -> Iterator[str]:
    a, b, c, d = address.packed
    number = int(address)
    dotted = str(address)
    low = (b << 16) | (c << 8) | d
    yield from (str(number), hex(number), hex(number).upper(), oct(number).replace("0o", "0"))
    yield from (f"{number + 2**32}", f"0x{number:016x}", f"0{number:o}".zfill(20))
    yield from (f"{a}.{low}", f"{a}.{b}.{(c << 8) | d}", f"{a}.{b}.{c}.0x{d:x}")
    yield from (f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}")
    yield from (f"{a:03}.{b:03}.{c:03}.{d:03}", f"0{a:o}.{b}.{c}.{d}", f"{a}.0x{low:x}")
    yield from (f"{dotted}.", f"{dotted}..", f".{dotted}", f"{dotted}%00", f"{dotted}%2e")
    yield dotted.replace(".", "%2e")
    yield dotted.replace(".", "\u3002")
    yield "".join(chr(ord(digit) + 0xFEE0) if digit.isdigit() else digit for digit in dotted)
    yield "".join(chr(ord(digit) - 0x30 + 0x0660) if digit.isdigit() else "." for digit in dotted)
    yield "".join(f"%{ord(character):02x}" for character in dotted)
    yield from (
        f"{dotted}:80",
        f"u@{dotted}",
        f"public.example@{dotted}",
        f"{dotted}#@public.example",
    )
    yield from (
        f"public.example\\@{dotted}",
        f"{dotted}\\@public.example",
        f"{dotted}\t",
        f" {dotted}",
    )
    yield from (
        f"public.example#@{dotted}",
        f"public.example:80@{dotted}",
        f"{dotted}?@public.example",
    )
    for prefix in ("::ffff:", "::", "::ffff:0:", "64:ff9b::", "64:ff9b:1::"):
        yield f"[{prefix}{dotted}]"
    yield from (
        f"[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::]",
        f"[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1]",
    )
    inverted = 0xFFFFFFFF ^ number
    yield f"[2001:0:4136:e378:8000:63bf:{inverted >> 16:x}:{inverted & 0xFFFF:x}]"  # Teredo
    yield f"[fe80::5efe:{dotted}]"  # ISATAP
    yield f"[::FFFF:{a:02X}{b:02X}:{c:02X}{d:02X}]"
