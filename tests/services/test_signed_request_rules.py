"""A registration request that is a JWT, to the second and to the word; no key is asked."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dcrserver.errors import InvalidClientMetadata
from dcrserver.jose import Jws
from dcrserver.policies import Policy
from dcrserver.services.software_statements import signed_requests
from dcrserver.strict_json import JsonObject
from harness.cases import each
from services.test_statement_verification import NOW, OURS, stated, tenant

GOOD: dict[str, Any] = {"aud": OURS, "exp": NOW + 300, "iat": NOW, "jti": "j"}
AUDIENCE = "is for another audience (aud)"
NOT_YET = "is not good yet"
JTI = "needs a jti, a text of at most 256 characters"
TIMES = "needs an exp and an iat, times in seconds"


def policy_of(**more: Any) -> Policy:
    return Policy.model_validate({"statements_mode": "allowed", "software_statements": more})


def octets(claims: dict[str, Any], header: dict[str, Any]) -> bytes:
    parts = ({"alg": "RS256"} | header, claims, {})
    return b".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=")
                     for each in parts)  # fmt: skip


@each(
    "change, header, policy, expected",
    [
        ({}, {}, {}, ""),
        ({"aud": [OURS]}, {}, {}, ""),
        ({"aud": "x"}, {}, {}, AUDIENCE),
        ({"aud": ...}, {}, {}, AUDIENCE),
        ({"aud": OURS}, {}, {"request_audience": "x"}, AUDIENCE),
        ({"aud": "x"}, {}, {"request_audience": "x"}, ""),
        ({}, {"typ": ""}, {}, ""),
        ({}, {"typ": "JWT"}, {}, ""),
        ({}, {"typ": "JOSE"}, {}, ""),
        ({}, {"typ": "application/jwt"}, {}, ""),
        ({}, {"typ": "application/jose"}, {}, ""),
        ({}, {"typ": "at+jwt"}, {}, "has another typ than JWT"),
        ({}, {"typ": 7}, {}, "has another typ than JWT"),
        ({}, {"alg": "HS256"}, {}, "is signed by an alg that is not accepted here"),
        ({}, {}, {"algorithms": ["PS256"]}, "is signed by an alg that is not accepted here"),
        ({}, {"alg": "PS256"}, {"algorithms": ["PS256"]}, ""),
        ({"exp": NOW - 29}, {}, {}, ""),
        ({"exp": NOW - 30}, {}, {}, "has expired"),
        ({"exp": NOW + 90}, {}, {"request_lifetime": 60}, ""),
        ({"exp": NOW + 91}, {}, {"request_lifetime": 60},
         "is good for longer than 60 seconds (exp)"),
        ({"iat": NOW + 30, "nbf": NOW + 30}, {}, {}, ""),
        ({"iat": NOW + 31}, {}, {}, NOT_YET),
        ({"nbf": NOW + 31}, {}, {}, NOT_YET),
        ({"exp": ...}, {}, {}, TIMES),
        ({"iat": ...}, {}, {}, TIMES),
        ({"jti": "j" * 256}, {}, {}, ""),
        ({"jti": "j" * 257}, {}, {}, JTI),
        ({"jti": ""}, {}, {}, JTI),
        ({"jti": 7}, {}, {}, JTI),
        ({"aud": "x", "jti": ""}, {}, {}, f"{AUDIENCE}; {JTI}"),
    ],
)  # fmt: skip
def test_a_request_is_refused_to_the_second_and_with_the_reason(
    change: dict[str, Any], header: dict[str, Any], policy: dict[str, Any], expected: str
) -> None:
    claims = {name: value for name, value in (GOOD | change).items() if value is not ...}
    asked = octets(claims, header), tenant(), policy_of(**policy), NOW
    if not expected:
        assert signed_requests.parsed(*asked).claims == claims
        return
    with pytest.raises(InvalidClientMetadata) as refused:
        signed_requests.parsed(*asked)
    reasons = [f"the request {each}" for each in expected.split("; ")]
    assert refused.value.description == "; ".join(reasons)


@each("body", [b"", b"x", b"a.b.c", b"\xff.b.c", "\u00e4.b.c".encode()])
def test_what_is_no_jwt_is_told(body: bytes) -> None:
    with pytest.raises(InvalidClientMetadata) as refused:
        signed_requests.parsed(body, tenant(), policy_of(), NOW)
    assert refused.value.description == "the body must be a JWT, a compact JWS"


@each(
    "how, mode, body, signed",
    [
        ("refused", "allowed", b"a.b.c", False),
        ("allowed", "allowed", b"a.b.c", True),
        ("allowed", "allowed", b"{}", False),
        ("allowed", "allowed", b" \n\t{}", False),
        ("required", "allowed", b"{}", True),
        ("required", "required", b"a.b.c", True),
        # Whose keys would have signed it?
        ("required", "ignored", b"a.b.c", False),
        ("allowed", "ignored", b"a.b.c", False),
    ],
)
def test_when_a_body_is_a_signed_request(how: str, mode: str, body: bytes, *, signed: bool) -> None:
    policy = Policy.model_validate(
        {"statements_mode": mode, "software_statements": {"signed_requests": how}}
    )
    assert signed_requests.is_signed(body, tenant(), policy) is signed


def test_metadata_is_what_is_not_about_the_request() -> None:
    about: JsonObject = dict.fromkeys(("iss", "sub", "aud", "exp", "nbf", "iat", "jti"), 1)
    metadata: JsonObject = {"redirect_uris": [], "software_statement": "x", "azp": "y"}
    assert signed_requests.members_of(Jws("a.b.c", {}, about | metadata)) == metadata


def test_who_sends_a_request_is_the_software_of_its_statement() -> None:
    by_s = Jws("a.b.c", {}, {"iss": "s"})
    signed_requests.check_sender(by_s, stated({"software_id": "s"}))
    for request, claims in (
        (by_s, {"software_id": "t"}),
        (by_s, {"software_id": None}),
        (Jws("a.b.c", {}, {}), {"software_id": None}),
    ):
        with pytest.raises(InvalidClientMetadata) as refused:
            signed_requests.check_sender(request, stated(claims))
        expected = "the iss of the request is not the software_id of its statement"
        assert refused.value.description == expected


def test_a_request_is_remembered_until_it_would_be_refused_for_its_age() -> None:
    assert signed_requests.refused_after(Jws("a.b.c", {}, {"exp": NOW + 0.5})) == NOW + 31
