"""Our parser against two independent ones: what we accept, all three read alike.

``urlsplit`` reads as programs do, ``ada_url`` as browsers do (WHATWG URL). Where they would
disagree about scheme, host or port, we must have refused.
"""

from __future__ import annotations

import ipaddress
import itertools
from urllib.parse import urlsplit

import ada_url
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrserver.metadata import uris
from dcrserver.metadata.model import Unacceptable
from dcrserver.metadata.redirect_uris import check_all
from dcrserver.policies import RedirectPolicy
from harness.properties import examples

requirement = pytest.mark.requirement

_DEFAULT_PORTS = {"http": 80, "https": 443}
GENEROUS = RedirectPolicy(
    allow_userinfo=True, require_dot_in_scheme=False, ip_literal_https=True, web_custom_scheme=True
)
Parts = tuple[str, str, int | None]


def same(scheme: str, host: str | None, port: int | str | None) -> Parts:
    """Parts to compare: no brackets, IPv6 in one spelling, the default port made explicit."""
    name = (host or "").strip("[]").lower()
    if ":" in name:
        name = ipaddress.ip_address(name).compressed
    return scheme.lower(), name, int(port) if port else _DEFAULT_PORTS.get(scheme.lower())


def by_us(raw: str) -> Parts | None:
    """The parts of what the most generous policy lets a client register; None: refused."""
    try:
        check_all([raw], GENEROUS, plain_http=True)
    except Unacceptable:
        return None
    uri = uris.parse(raw)
    return same(uri.scheme, uri.host, uri.port)


def by_urllib(raw: str) -> Parts:
    parts = urlsplit(raw)
    return same(parts.scheme, parts.hostname, parts.port)


def by_browsers(raw: str) -> Parts:
    url = ada_url.URL(raw)
    return same(url.protocol.rstrip(":"), url.hostname, url.port)


def assert_agreed(raw: str) -> None:
    ours = by_us(raw)
    if ours is not None:
        assert by_urllib(raw) == ours, raw
        assert by_browsers(raw) == ours, raw


HOSTS = [
    "a.example", "A.Example", "a.example.", "a", "a..example", ".a.example", "a_b.example",
    "-a.b", "xn--bcher-kva.example", "xn--a.example", "xn--.example", "b\u00fccher.example",
    "\uff41.example", "a\u3002example", "a\u00ad.example", "\u2100.example", "a%2eexample",
    "ex%61mple.com", "a%00b", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001",
    "0177.0.0.1", "127.0.0.1.", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.08", "0", "0x", "1e3",
    "a.0x1", "a.1", "\u0661.2.3.4", "1.2.3.4%20", "[::1]", "[::ffff:127.0.0.1]",
    "[0:0:0:0:0:0:0:1]", "[::]", "[1::2::3]", "[::1", "::1", "[::1%25lo]", "[::1%lo]", "[v1.a]",
    "[]", "[a]", "[::127.0.0.1]", "[::1]x", "localhost", "LOCALHOST", "localhost.", "", " ",
    "a b", "a\tb", "a\nb", "a\x00b", "a|b", "a^b", "a<b>", 'a"b', "a`b", "a{b}", "*.a.example",
    "a.example\\b", "a\\@b", "a,b", "a;b", "a!b", "a$b", "a&b", "a'b", "a(b)", "a+b", "a=b",
    "a~b", "a#b", "a?b", "a/b", "u@a.example", "u:p@a.example", "@a.example", "u@@a.example",
    "u@b@a.example", "a.example@", "a.example:", "a.example:0", "a.example:80", "a.example:443",
    "a.example:00443", "a.example:8080", "a.example:65536", "a.example:99999999", "a.example:-1",
    "a.example:+1", "a.example: 1", "a.example:1 ", "a.example:8_0", "a.example:\uff11",
    "a.example:0x50", "a.example:a", "a.example:80:80", "u:1@a.example:80",
    "a.example#@b.example", "a.example?@b.example", "a.example/@b.example",
    "a.example\\@b.example", "a.example%40b.example", "a" * 63 + ".b", "a" * 64,
]  # fmt: skip
PREFIXES = [
    "https://", "http://", "HTTPS://", "hTTp://", "https:/", "https:", "https:///", "https:////",
    "https:\\\\", "https:/\\", "//", "\\\\", " https://", "https ://", "ht\ttps://", "\x00https://",
    "https://\t", "https:// ", "view-source:https://", "com.example.app://", "com.example.app:/",
    "x+y.z-1://", "1x://", "javascript://", "file://", "ftp://", "ws://", "",
]  # fmt: skip
SUFFIXES = ["", "/", "/cb", "/a/../b", "/%2e%2e/b", "/a\\b", "?q=1", "#f", "/ x", "/\u00e9", "//x"]
SPELLINGS = list(dict.fromkeys(map("".join, itertools.product(PREFIXES, HOSTS, SUFFIXES))))


@requirement("POL-19", "POL-16", "R7591-5-07")
def test_what_we_accept_all_read_alike() -> None:
    accepted = [raw for raw in SPELLINGS if by_us(raw) is not None]
    for raw in accepted:
        assert_agreed(raw)
    print(f"{len(SPELLINGS)} spellings, {len(accepted)} accepted and read alike by all three")
    assert len(accepted) > 500  # it would prove nothing if all were refused


def test_the_others_do_disagree() -> None:
    """So the check above has something to find: these, among others, we refuse for it."""
    found = 0
    for raw in SPELLINGS:
        try:
            disagree = by_urllib(raw) != by_browsers(raw)
        except ValueError:
            continue
        if disagree:
            found += 1
            assert by_us(raw) is None, raw
    print(f"{found} spellings that urlsplit and browsers read differently, all refused")
    assert found > 100


ALPHABET = st.sampled_from(
    [*"aA1.:/\\@#?%[]x-_~ \t\n\r\x00\u00ad\u3002\uff0e\u0130&;=+*,!", "%2e", "0x"]
)
RANDOM = st.builds(
    "{}{}{}".format,
    st.sampled_from(PREFIXES),
    st.lists(ALPHABET, max_size=14).map("".join),
    st.sampled_from(SUFFIXES),
)


@requirement("POL-19")
@examples(3000)
@given(raw=RANDOM | st.text(max_size=30))
def test_any_text_that_we_accept_all_read_alike(raw: str) -> None:
    assert_agreed(raw)
