"""Whatever a stranger writes, a parser of ours raises its own error or none."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dcrserver.edge.body import form_pairs
from dcrserver.limits import address_key
from dcrserver.metadata import jwks as key_sets
from dcrserver.metadata import public_keys, redirect_uris, uris
from dcrserver.metadata.model import Unacceptable
from dcrserver.metadata.text import is_language_tag
from dcrserver.policies import JwksPolicy, RedirectPolicy
from dcrserver.strict_json import BadJson, loads, loads_object
from harness.properties import examples
from metadata.strategies import JSON, KEY

# Pieces that mean something to one of the parsers, so that random ones get far.
_PIECES = st.sampled_from(
    ["https://", "//", "[", "]", "::1", "%", "%41", "%00", "@", ":", ":0", ":99999", "xn--",
     "xn--a", "xn--4ca", ".", "..", "a", "A", "127.0.0.1", "0x7f", "1e", "\u0660", "\u00df",
     "\ud800", "\0",
     "#", "?", "/", "\\", " ", "-", "x", "de", "*", "9" * 400, "{", "}", '"', ",", "null", "1e400"]
)  # fmt: skip
TEXTS = st.lists(_PIECES | st.text(max_size=4), max_size=12).map("".join)
OCTETS = st.binary(max_size=60) | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass"))
_MEMBERS = ["kty", "crv", "x", "y", "n", "e", "kid", "use", "alg", "key_ops", "x5c", "d"]
_KEYS = st.sampled_from(["RSA", "EC", "OKP", "oct", "AKP"]).flatmap(
    lambda kind: st.dictionaries(st.sampled_from(_MEMBERS), JSON | TEXTS, max_size=5).map(
        lambda members: {**KEY, **members, "kty": kind}
    )
)


@examples(300)
@given(octets=OCTETS)
def test_json(octets: bytes) -> None:
    for read in (loads, loads_object):
        with contextlib.suppress(BadJson):
            read(octets)


@examples(500)
@given(text=TEXTS)
def test_uris_and_names(text: str) -> None:
    for spelling in (text, f"https://{text}", f"https://a.example/{text}", f"com.a:{text}"):
        with contextlib.suppress(uris.BadUri):
            uri = uris.parse(spelling)
            assert uri.authority
            assert uri.address is None or uri.host
        with contextlib.suppress(Unacceptable):
            redirect_uris.check_all([spelling], RedirectPolicy())
    assert uris.is_dns_name(text) in {True, False}
    assert is_language_tag(text) in {True, False}
    assert address_key(text)


@examples(300)
@given(key=_KEYS, sets=JSON)
def test_keys(key: dict[str, Any], sets: Any) -> None:
    for value in ({"keys": [key]}, {"keys": sets}, sets):
        with contextlib.suppress(Unacceptable):
            key_sets.check(value, JwksPolicy())
            key_sets.keys_for(value, "sig", "RS256")
    with contextlib.suppress(Unacceptable):
        public_keys.check(key, 2048)


@examples(300)
@given(octets=OCTETS)
def test_forms(octets: bytes) -> None:
    with contextlib.suppress(ValueError):
        form_pairs(octets)
