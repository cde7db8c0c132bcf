"""What is sent compared, and what targets say made harmless."""

from __future__ import annotations

from typing import Any

from dcrserver.connectors.comparing import differing, digest
from dcrserver.connectors.failures import harmless
from harness.cases import each


def test_the_order_of_members_makes_no_other_digest() -> None:
    one: Any = {"client_name": "a", "jwks": {"keys": [{"kty": "EC", "crv": "P-256"}]}}
    other: Any = {"jwks": {"keys": [{"crv": "P-256", "kty": "EC"}]}, "client_name": "a"}
    assert digest(one) == digest(other)
    assert digest(one) != digest(one | {"client_name": "b"})


@each("wanted, there, differs", [
    ({}, {"n": ""}, False),
    ({}, {"n": []}, False),
    ({"n": {}}, {"n": None}, False),
    ({"n": False}, {}, True),
    ({"n": 0}, {}, True),
    ({"n": ["a"]}, {"n": ["b"]}, True),
    ({"other": 1}, {"other": 2}, False),
])  # fmt: skip
def test_what_is_empty_is_as_good_as_absent(wanted: Any, there: Any, differs: Any) -> None:
    assert differing(["n"], wanted, there) == (("n",) if differs else ())


@each("said, told", [
    ("The redirect URI is bad.", "The redirect URI is bad."),
    ("at https://admin.internal:4445/x?y", "at (address)"),
    ("one\r\nSet-Cookie: x\tand \u202eright", "one Set-Cookie: x and right"),
    ("\u65e5\u672c", ""),
    ("x" * 500, "x" * 200),
])  # fmt: skip
def test_what_a_target_says_is_made_harmless(said: str, told: str) -> None:
    assert harmless(said) == told
