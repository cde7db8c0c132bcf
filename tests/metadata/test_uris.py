"""RFC 3986, read so strictly that no two parsers can disagree about the host."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dcrserver.metadata.uris import BadUri, Uri, parse
from harness.cases import each
from harness.properties import examples

requirement = pytest.mark.requirement


def uri(
    scheme: str,
    host: str | None = None,
    port: int | None = None,
    path: str = "",
    query: str | None = None,
    fragment: str | None = None,
    *,
    userinfo: bool = False,
) -> Uri:
    return Uri(scheme, host, port, path, query, fragment, userinfo)


def attempt(raw: str) -> tuple[Uri | None, str]:
    """The parts, or what is told in their place."""
    try:
        return parse(raw), ""
    except BadUri as error:
        return None, str(error)


LABEL_63 = "a" * 63
# 253 characters, the longest name that DNS can carry.
LONGEST_HOST = ".".join([LABEL_63, LABEL_63, LABEL_63, "a" * 61])

GOOD = {
    "https://a.example": uri("https", "a.example"),
    "https://a.example/": uri("https", "a.example", path="/"),
    "HTTPS://A.Example/Cb": uri("https", "a.example", path="/Cb"),
    "https://a.example:8443/cb": uri("https", "a.example", 8443, "/cb"),
    "https://a.example:1": uri("https", "a.example", 1),
    "https://a.example:65535": uri("https", "a.example", 65535),
    "https://a.example:00443/": uri("https", "a.example", 443, "/"),
    "https://a.example?x=1": uri("https", "a.example", query="x=1"),
    "https://a.example/cb?": uri("https", "a.example", path="/cb", query=""),
    "https://a.example/cb?x=http://b/?y": uri(
        "https", "a.example", path="/cb", query="x=http://b/?y"
    ),
    "https://a.example/cb#": uri("https", "a.example", path="/cb", fragment=""),
    "https://a.example#f?g/h": uri("https", "a.example", fragment="f?g/h"),
    "https://a.example/cb?q#f#g": uri("https", "a.example", path="/cb", query="q", fragment="f#g"),
    "https://a.example/a@b:c;d=e,f!$&'()+~-_": uri(
        "https", "a.example", path="/a@b:c;d=e,f!$&'()+~-_"
    ),
    "https://a.example/%41%2Fb%c3%a9": uri("https", "a.example", path="/%41%2Fb%c3%a9"),
    "https://a.example//b//": uri("https", "a.example", path="//b//"),
    "https://a.example/.well-known/x..y/...": uri(
        "https", "a.example", path="/.well-known/x..y/..."
    ),
    "https://user@a.example/": uri("https", "a.example", path="/", userinfo=True),
    "https://user:pass@a.example:1/": uri("https", "a.example", 1, "/", userinfo=True),
    "https://@a.example/": uri("https", "a.example", path="/", userinfo=True),
    "https://127.0.0.1/": uri("https", "127.0.0.1", path="/"),
    "http://255.255.255.255:80/": uri("http", "255.255.255.255", 80, "/"),
    "http://[::1]/cb": uri("http", "::1", path="/cb"),
    "http://[::1]:8080/cb": uri("http", "::1", 8080, "/cb"),
    "http://[0:0:0:0:0:0:0:1]": uri("http", "::1"),
    "https://[2001:DB8::00A]/": uri("https", "2001:db8::a", path="/"),
    "https://u@[2001:db8::1]:2/": uri("https", "2001:db8::1", 2, "/", userinfo=True),
    "https://xn--bcher-kva.example/": uri("https", "xn--bcher-kva.example", path="/"),
    "https://XN--BCHER-KVA.example/": uri("https", "xn--bcher-kva.example", path="/"),
    "https://r3---sn-x.example/": uri("https", "r3---sn-x.example", path="/"),
    "https://1.2.3.example/": uri("https", "1.2.3.example", path="/"),
    "https://0x7f.example/": uri("https", "0x7f.example", path="/"),
    "https://a.0xg": uri("https", "a.0xg"),
    "https://localhost": uri("https", "localhost"),
    f"https://{LABEL_63}.example/": uri("https", f"{LABEL_63}.example", path="/"),
    f"https://{LONGEST_HOST}/": uri("https", LONGEST_HOST, path="/"),
    "com.example.app:/cb": uri("com.example.app", path="/cb"),
    "com.example.app://host/cb": uri("com.example.app", "host", path="/cb"),
    "com.example.app:///cb": uri("com.example.app", path="/cb"),
    "com.example.app:cb?q": uri("com.example.app", path="cb", query="q"),
    "A+b-c.9:x": uri("a+b-c.9", path="x"),
    "urn:example:a": uri("urn", path="example:a"),
    "https:x": uri("https", path="x"),
    "https:/x": uri("https", path="/x"),
    "x:": uri("x"),
}


@each("raw", GOOD)
def test_parts(raw: str) -> None:
    assert parse(raw) == GOOD[raw]


NOT_ABSOLUTE = "is not an absolute URI"
FORBIDDEN = "holds a character that RFC 3986 does not allow"
UNPRINTABLE = "holds a space or a control character"
NOT_ASCII = "holds a non-ASCII character; write hosts as A-labels and encode the rest"
BROKEN_PERCENT = "holds a broken percent-encoding"
CONTROL = "holds a percent-encoded control character"
DOTS = "holds a dot segment"
NO_HOST = "has no host"
AT_SIGNS = "holds more than one at-sign before its path"
BROKEN_IPV6 = "has a broken IPv6 host"
BRACKET = "holds a bracket outside of an IPv6 host"
BAD_PORT = "has a bad port"
NOT_DNS = "has a host that is not a DNS name"
NUMBER = "has a host that looks like a number but is no IPv4 address"
A_LABEL = "has a host with a broken A-label"

BAD = {
    "": "is empty",
    **dict.fromkeys(
        ["/cb", "cb", "//a.example/", "?q", "#f", "1a:b", ":b", "+x:y", "a_b:c", "a%20b:c"],
        NOT_ABSOLUTE,
    ),
    **dict.fromkeys(
        [
            " https://a.example/",
            "https://a.example/ ",
            "https://a.example/c b",
            "https://a.exa\tmple/",
            "java\nscript:x",
            "https://a.example/\r\n",
            "https://a.example/\x00",
            "https://a.example/\x7f",
            "\x01https://a.example/",
        ],
        UNPRINTABLE,
    ),
    **dict.fromkeys(
        [
            "https://b\u00fccher.example/",
            "https://a.example/\u00e9",
            "https://a\u3002example/",  # the ideographic full stop is a dot to IDNA
            "https://a.example\u2044x/",
            "https://a.example/\ud800",
            "\ufeffhttps://a.example/",
        ],
        NOT_ASCII,
    ),
    **{f"https://a.example/{character}": FORBIDDEN for character in '"<>\\^`{|}'},
    **dict.fromkeys(
        [
            "https:\\\\a.example\\cb",
            "https://a.example\\@b.example/",
            "https://a.example\\.b.example/",
        ],
        FORBIDDEN,
    ),
    **dict.fromkeys(
        ["https://a.example/%", "https://a.example/%4", "https://a.example/%zz", "x:%g0"],
        BROKEN_PERCENT,
    ),
    **dict.fromkeys(
        [
            "https://a.example/%00",
            "https://a.example/%0d%0aSet-Cookie:x",
            "https://a.example/%1F",
            "https://a.example/?q=%7f",
            "https://a.example/#%7F",
            "com.example.app:%09",
        ],
        CONTROL,
    ),
    **dict.fromkeys(
        ["https://*.example/", "https://a.example/*", "https://a.example/?*", "x:*"],
        "holds a wildcard",
    ),
    **dict.fromkeys(
        [
            "https://a.example/../cb",
            "https://a.example/x/..",
            "https://a.example/./cb",
            "https://a.example/cb/.",
            "https://a.example/%2e%2E/cb",
            "https://a.example/.%2e",
            "https://a.example/%2E/x?q",
            "https://a.example/x/%2e./#f",
            "com.example.app:/../cb",
            "com.example.app:..",
            "com.example.app:./x",
        ],
        DOTS,
    ),
    **dict.fromkeys(
        [
            "https://",
            "https:///x",
            "http:///",
            "HTTPS:///x",
            "https://?q",
            "https://#f",
            "https://:443/",
            "https://user@/x",
            "x://:1/",
            "x://u@/y",
            "x://@",
        ],
        NO_HOST,
    ),
    **dict.fromkeys(["https://a@b@c.example/", "x://a@b@c"], AT_SIGNS),
    **dict.fromkeys(
        [
            "https://[::1/",
            "https://[]/",
            "https://[::g]/",
            "https://[1:2:3:4:5:6:7]/",
            "https://[1:2:3:4:5:6:7:8:9]/",
            "https://[::1]x/",
            "https://[::1]8080/",
            "https://[fe80::1%25eth0]/",
            "https://[127.0.0.1]/",
            "https://[v1.x]/",
            "https://[a.example]/",
            "https://[::1].a.example/",
        ],
        BROKEN_IPV6,
    ),
    **dict.fromkeys(
        [
            "https://a.example/[x]",
            "https://a.example/?q=[",
            "https://a.example/#]",
            "x:[",
            # RFC 3986 3.2.1: user information has no brackets; readers take them for the host.
            "https://[@a.example/",
            "https://]@a.example/",
            "https://[::1]@a.example/",
            "https://u:[::1]@[::1]/",
        ],
        BRACKET,
    ),
    **dict.fromkeys(
        [
            "https://a.example:/",
            "https://a.example:0/",
            "https://a.example:65536/",
            "https://a.example:99999/",
            "https://a.example:000443/",
            "https://a.example:abc/",
            "https://a.example:-1/",
            "https://a.example:+1/",
            "https://a.example:4.3/",
            "https://a.example:80:80/",
            "https://[::1]:/",
            "https://[::1]:0/",
            "https://[::1]:x/",
            "x://h:65536/",
        ],
        BAD_PORT,
    ),
    **dict.fromkeys(
        [
            "https://a..example/",
            "https://.example/",
            "https://a.example./",
            "https://-a.example/",
            "https://a-.example/",
            "https://a_b.example/",
            "https://a%2eexample/",
            "https://%61.example/",
            "https://a!b.example/",
            f"https://{LABEL_63}a.example/",
            f"https://{LONGEST_HOST}a/",
            "x://a,b/",
        ],
        NOT_DNS,
    ),
    **dict.fromkeys(
        [
            "http://127.1/",
            "http://127.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0X7F.0.0.1/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.0.0.01/",
            "http://127.0.0.0x1/",
            "http://127.0.0.256/",
            "http://1.2.3.4.5/",
            "http://a.example.1/",
            "http://a.0x/",
            "http://0/",
            "com.example.app://127.1/",
        ],
        NUMBER,
    ),
    **dict.fromkeys(
        [
            "https://xn--a.example/",
            "https://a.xn--a-a.example/",
            "https://xn--0.example/",
            "https://xn--99999999.example/",
            "https://a.example.xn--zzzzzzzz/",
            "https://XN--A.example/",
        ],
        A_LABEL,
    ),
}


@requirement("POL-16", "POL-19")
@each("raw", BAD)
def test_refusals(raw: str) -> None:
    with pytest.raises(BadUri) as caught:
        parse(raw)
    assert str(caught.value) == BAD[raw]


@each("raw", ["http://localhost/", "http://LOCALHOST:1/", "http://127.0.0.1", "http://[::1]:9/x"])
def test_the_local_machine_has_three_names(raw: str) -> None:
    assert parse(raw).is_loopback


@each(
    "raw",
    [
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://evil-localhost/",
        "http://127.0.0.2/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::]/",
        "http://localhost@evil.example/",
        "localhost:/x",
        "x:localhost",
    ],
)
def test_look_alikes_are_not_the_local_machine(raw: str) -> None:
    assert not parse(raw).is_loopback


@each(
    "raw, address",
    [
        ("https://192.0.2.1/", "192.0.2.1"),
        ("https://[2001:db8::1]/", "2001:db8::1"),
        ("https://[::ffff:192.0.2.1]/", "::ffff:192.0.2.1"),
    ],
)
def test_an_ip_literal_is_an_address(raw: str, address: str) -> None:
    assert parse(raw).address == ipaddress.ip_address(address)


@each("raw", ["https://a.example/", "x:/y", "https://1.2.3.4.example/"])
def test_names_are_no_addresses(raw: str) -> None:
    assert parse(raw).address is None


@each(
    "raw, authority",
    [
        ("https://a.example/", "a.example:443"),
        ("http://A.example/", "a.example:80"),
        ("https://a.example:80/", "a.example:80"),
        ("https://[::1]/", "[::1]:443"),
        ("https://[::1]:8443/", "[::1]:8443"),
        ("x://h/", "h:0"),
    ],
)
def test_authority_names_the_port(raw: str, authority: str) -> None:
    assert parse(raw).authority == authority


PIECES = [
    "https:", "http:", "com.example.app:", "//", "/", "@", ":", "?", "#", ".", "..", "%2e", "%41",
    "\\", "\t", " ", "*", "a", "a.example", "localhost", "127.0.0.1", "127.1", "0x7f", "[::1]",
    "[::ffff:1.2.3.4]", "[", "]", "443", "0", "xn--bcher-kva", "xn--a", "\u00fc", "\u3002", "u:p@",
]  # fmt: skip


@examples(600)
@given(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["https://", "http://", "com.example.app://", "x:", ""]),
        st.sampled_from(["", "", "u@", "a.example", "[::1]", "127.0.0.1:80"]),
        st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    )
)
@example("https://a.example:443/cb")
@example("https://u@[::1]:443/cb")
def test_the_standard_parser_sees_the_same_host(raw: str) -> None:
    parsed, told = attempt(raw)
    assert told.isascii()
    if parsed is None:
        return
    other = urlsplit(raw)
    assert parsed.scheme == other.scheme
    assert parsed.port == other.port
    if parsed.host is not None and ":" in parsed.host:
        assert ipaddress.ip_address(other.hostname or "") == parsed.address
    else:
        assert parsed.host == (other.hostname or None)
    assert parsed.userinfo == ("@" in other.netloc)
    assert (parsed.query or "", parsed.fragment or "") == (other.query, other.fragment)


@examples(200)
@given(st.text(max_size=30))
def test_any_text_is_parsed_or_refused(raw: str) -> None:
    _, told = attempt(raw)
    assert told.isascii()
    assert told or (raw.isascii() and raw.isprintable())


@examples(200)
@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20))
def test_any_a_label_is_decoded_or_refused(tail: str) -> None:
    """The IDNA library raises more than one kind of error about broken Punycode."""
    parsed, told = attempt(f"https://xn--{tail}.example/")
    assert told in {"", A_LABEL, NOT_DNS}
    assert parsed is None or parsed.host == f"xn--{tail}.example"


def test_parts_that_other_tests_leave_alone() -> None:
    assert parse("https://[::1]:8443/").port == 8443
    assert parse("https://[::1]/").userinfo is False
    assert parse("https://u@[::1]/").userinfo is True
    assert parse("com.example.app:///path").userinfo is False
    # A private-use scheme names no DNS host (RFC 3986 3.2.2), but an address is one.
    assert parse("com.example.app://Oauth_Callback/x").host == "oauth_callback"
    assert parse("com.example.app://1.example/x").host == "1.example"
    assert parse("com.example.app://127.0.0.1/x").host == "127.0.0.1"
    with pytest.raises(BadUri, match="looks like a number"):
        parse("com.example.app://a.b.1/x")
