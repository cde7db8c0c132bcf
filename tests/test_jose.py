"""Compact JWS as strangers present it."""

from __future__ import annotations

import base64
import json
import string
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrserver import jose
from dcrserver.jose import BadJws
from harness.clients import new_key, public_jwk

KEY = new_key()
CLAIMS = {"sub": "s", "exp": 2000000000.5}


def token(headers: dict[str, Any] | None = None, claims: Any = None) -> str:
    return jwt.encode(claims or CLAIMS, KEY, "ES256", headers=headers)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def test_what_it_says_is_read() -> None:
    jws = jose.parse(token({"kid": "k"}))
    assert (jws.algorithm, jws.kid) == ("ES256", "k")
    assert (jws.text("sub"), jws.text("iss"), jws.text("exp")) == ("s", "", "")
    assert (jws.number("exp"), jws.number("sub"), jws.number("nbf")) == (2000000000.5, None, None)
    assert jose.parse(token()).kid is None


@pytest.mark.parametrize("value", [True, "1", None, [1]])
def test_a_date_is_a_number(value: object) -> None:
    assert jose.parse(token(claims={"exp2": value})).number("exp2") is None


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256", "EdDSA"])
def test_signatures(algorithm: str) -> None:
    key, other = new_key(algorithm), new_key(algorithm)
    jws = jose.parse(jwt.encode(CLAIMS, key, algorithm))
    assert jose.verify(jws, public_jwk(key, algorithm), algorithm)
    assert not jose.verify(jws, public_jwk(other, algorithm), algorithm)
    for wrong in {"RS256", "PS256", "ES256", "HS256", "none"} - {algorithm}:
        assert not jose.verify(jws, public_jwk(key, algorithm), wrong)
    assert not jose.verify(jws, {"kty": "RSA", "n": "x", "e": "AQAB"}, algorithm)


def test_secrets() -> None:
    jws = jose.parse(jwt.encode(CLAIMS, "s" * 64, "HS256"))
    assert jose.verify(jws, b"s" * 64, "HS256")
    assert not jose.verify(jws, b"t" * 64, "HS256")
    assert not jose.verify(jws, b"s" * 64, "HS512")


@pytest.mark.parametrize(
    "text",
    [
        "", "a.b.c", "..", f"{encoded('{}')}.{encoded('{}')}", token() + "x" * 20000,
        f"{encoded('[]')}.{encoded('{}')}.", f"{encoded(json.dumps({'alg': 'ES256'}))}.x.",
        f"{encoded(json.dumps({'alg': 'ES256'}))}.{encoded('[]')}.",
        encoded('{"alg":"ES256","alg":"none"}') + "." + encoded("{}") + ".",
        encoded('{"alg":"ES256"}') + "." + encoded('{"sub":"a","sub":"b"}') + ".",
        f"{encoded('{')}.{encoded('{}')}.", "\u2603.\u2603.\u2603",
        encoded(json.dumps({"alg": "ES256", "x": [[[]] * 9] * 9 + [0] * 2})) + "." + "W" * 9,
    ],
    ids=range(13),
)  # fmt: skip
def test_what_is_no_jws_is_refused(text: str) -> None:
    with pytest.raises(BadJws):
        jose.parse(text)


@pytest.mark.parametrize(
    "headers",
    [{"crit": ["exp"]}, {"crit": []}, {"b64": False, "crit": ["b64"]},
     {"kid": "x" * 129}, {"kid": "\u0000"}, {"kid": "a\nb"}],
    ids=str,
)  # fmt: skip
def test_headers_that_ask_too_much_are_refused(headers: dict[str, Any]) -> None:
    with pytest.raises(BadJws):
        jose.parse(token(headers))


@given(st.text(string.ascii_letters + string.digits + "._-=", max_size=300) | st.text())
def test_nothing_but_a_refusal_comes_of_noise(text: str) -> None:
    with pytest.raises(BadJws):
        jose.parse(text)


@given(st.integers(0, 400), st.characters(codec="ascii"))
def test_a_changed_octet_is_never_verified(place: int, other: str) -> None:
    good = token()
    place %= len(good)
    changed = good[:place] + other + good[place + 1 :]
    if changed == good:
        return
    try:
        jws = jose.parse(changed)
    except BadJws:
        return
    if jws.claims != CLAIMS or jws.algorithm != "ES256":
        assert not jose.verify(jws, public_jwk(KEY), "ES256")


def test_thumbprints_are_those_of_the_rfc() -> None:
    """RFC 7638 3.1."""
    key = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6"
        "tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65Y"
        "GjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
        "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert jose.thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
