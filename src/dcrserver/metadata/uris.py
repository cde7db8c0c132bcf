"""URIs by our own strict reading of RFC 3986: parse and judge, never rewrite.

Parsers in use disagree about what a URI's host is (backslashes, tabs, several at-signs); a string
on which they could disagree is refused here, so that every reader sees the same host.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from dcrserver.caches import bounded_cache

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENCODED_CONTROL = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
_DOT_SEGMENT = re.compile(r"(?:^|/)(?:\.|%2[Ee]){1,2}(?=/|$)")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_NUMERIC_LABEL = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)")
_NAME = re.compile(r"[A-Za-z0-9._~-]+")
_PORT = re.compile(r"[0-9]{1,5}")
# Everything printable that RFC 3986 2 has no place for; brackets belong to an IPv6 host only.
_FORBIDDEN = re.compile(r'["<>\\^`{|}]')
_PRINTABLE = re.compile(r"[!-~]+")
# Nearly all URIs hold nothing else, and need no closer look at their characters.
_PLAIN = re.compile(r"[A-Za-z0-9:/?#@!$&'()+,;=._~-]+")
_MAX_PORT = 65535
_MAX_HOST = 253


class BadUri(ValueError):
    """The string is not a URI that all parsers read alike; the message says why, in ASCII."""


@dataclass(frozen=True, slots=True)
class Uri:
    """The parts of an absolute URI; ``scheme`` and ``host`` in lower case, the rest as sent.

    ``host`` is None without an authority; an IPv6 host comes without its brackets.
    """

    scheme: str
    host: str | None
    port: int | None
    path: str
    query: str | None
    fragment: str | None
    userinfo: bool

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The host as an address, when it is an IP literal."""
        host = self.host or ""
        if ":" not in host and not host[-1:].isdigit():
            return None
        try:
            return ipaddress.ip_address(host)
        except ValueError:
            return None

    @property
    def is_loopback(self) -> bool:
        """The local machine by exactly the three names of OpenID Connect Registration 2."""
        return self.host in {"localhost", "127.0.0.1", "::1"}

    @property
    def authority(self) -> str:
        """``host:port`` with the scheme's default port filled in."""
        port = self.port or {"https": 443, "http": 80}.get(self.scheme, 0)
        return f"[{self.host}]:{port}" if ":" in (self.host or "") else f"{self.host}:{port}"


# Kept for a while: several rules ask about the same string.
@bounded_cache(entries=4096, longest=256)
def parse(raw: str) -> Uri:
    """The parts of ``raw``.

    Raises:
        BadUri: not an absolute URI in the strict sense.
    """
    _characters(raw)
    scheme = _SCHEME.match(raw)
    if scheme is None:
        raise BadUri("is not an absolute URI")
    rest, has_fragment, fragment = raw[scheme.end() :].partition("#")
    rest, has_query, query = rest.partition("?")
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        userinfo, host, port = _authority(authority, scheme.group()[:-1].lower())
        path = slash + path
    else:
        userinfo, host, port, path = False, None, None, rest
    if "[" in path + query + fragment or "]" in path + query + fragment:
        raise BadUri("holds a bracket outside of an IPv6 host")
    if _DOT_SEGMENT.search(path):
        raise BadUri("holds a dot segment")
    return Uri(
        scheme=scheme.group()[:-1].lower(),
        host=host,
        port=port,
        path=path,
        query=query if has_query else None,
        fragment=fragment if has_fragment else None,
        userinfo=userinfo,
    )


def is_dns_name(text: str) -> bool:
    """Whether ``text`` is a DNS name, of A-labels where it is international; no address."""
    try:
        return not _NUMERIC_LABEL.fullmatch(text.rpartition(".")[2]) and bool(_host(text))
    except BadUri:
        return False


def _characters(raw: str) -> None:
    if _PLAIN.fullmatch(raw):
        return
    if not raw:
        raise BadUri("is empty")
    if not raw.isascii():
        raise BadUri("holds a non-ASCII character; write hosts as A-labels and encode the rest")
    if not _PRINTABLE.fullmatch(raw):
        raise BadUri("holds a space or a control character")
    if _FORBIDDEN.search(raw):
        raise BadUri("holds a character that RFC 3986 does not allow")
    if _PERCENT.search(raw):
        raise BadUri("holds a broken percent-encoding")
    if _ENCODED_CONTROL.search(raw):
        raise BadUri("holds a percent-encoded control character")
    if "*" in raw:
        raise BadUri("holds a wildcard")


def _authority(authority: str, scheme: str) -> tuple[bool, str | None, int | None]:
    userinfo, at, hostport = authority.rpartition("@")
    if "@" in userinfo:
        raise BadUri("holds more than one at-sign before its path")
    if "[" in userinfo or "]" in userinfo:
        raise BadUri("holds a bracket outside of an IPv6 host")
    if hostport.startswith("["):
        literal, bracket, after = hostport[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise BadUri("has a broken IPv6 host")
        return bool(at), _ipv6(literal), _port(after[1:]) if after else None
    host, colon, port = hostport.partition(":")
    if not host:
        if scheme in {"http", "https"} or colon or at:
            raise BadUri("has no host")
        return False, None, None
    made = _host(host) if scheme in {"http", "https"} else _registered_name(host)
    return bool(at), made, _port(port) if colon else None


def _registered_name(host: str) -> str:
    """An app's own scheme names no DNS host: com.example.app://oauth_callback (RFC 3986 3.2.2)."""
    if _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        return _ipv4(host)
    if not _NAME.fullmatch(host):
        raise BadUri("has a host that is not a DNS name")
    return host.lower()


def _ipv6(literal: str) -> str:
    try:
        return str(ipaddress.IPv6Address(literal if "%" not in literal else ""))
    except ValueError:
        raise BadUri("has a broken IPv6 host") from None


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= _MAX_PORT:
        raise BadUri("has a bad port")
    return int(text)


def _host(host: str) -> str:
    labels = host.split(".")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        return _ipv4(host)
    if len(host) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadUri("has a host that is not a DNS name")
    lowered = host.lower()
    if "xn--" in lowered:
        for label in lowered.split("."):
            if label.startswith("xn--"):
                _a_label(label)
    return lowered


def _ipv4(host: str) -> str:
    """Exactly four decimal octets: 127.1, 0x7f.1 and 2130706433 mean 127.0.0.1 to some readers."""
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise BadUri("has a host that looks like a number but is no IPv4 address") from None


def _a_label(label: str) -> None:
    import idna

    try:
        idna.ulabel(label)
    except (idna.IDNAError, UnicodeError):
        raise BadUri("has a host with a broken A-label") from None
