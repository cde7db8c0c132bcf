"""What a software statement must be, to the second and to the word; no key is asked."""

from __future__ import annotations

from typing import Any

import pytest

from dcrserver.errors import InvalidSoftwareStatement, UnapprovedSoftwareStatement
from dcrserver.jose import Jws
from dcrserver.metadata import Terms
from dcrserver.policies.switches.software_statements import SoftwareStatementPolicy
from dcrserver.services.software_statements import verification
from dcrserver.services.software_statements.verification import Statement
from dcrserver.settings import StatementIssuerSettings
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant, TrustedIssuer
from harness.cases import each
from harness.statements import statement as signed

NOW = 1_800_000_000
ISSUER, OURS = "https://ss-issuer.example", "https://reg.example"
JWKS = "https://ss-issuer.example/jwks"
POLICY = SoftwareStatementPolicy()


def tenant(**more: Any) -> Tenant:
    return Tenant("t", OURS, {}, Terms(), frozenset(), issues_tokens=False, **more)


def trusted(**more: Any) -> TrustedIssuer:
    entry = {"issuer": ISSUER, "jwks_uri": JWKS, "clock_skew": 60} | more
    return TrustedIssuer(StatementIssuerSettings.model_validate(entry))


def stated(
    claims: JsonObject | None = None, header: JsonObject | None = None, **more: Any
) -> Statement:
    """A statement of ``claims`` under an entry of ``more``."""
    said = {"iss": ISSUER, "software_id": "s"} | (claims or {})
    return Statement(Jws("a.b.c", {"alg": "RS256"} | (header or {}), said), trusted(**more))


def told(claims: JsonObject, entry: Any = None, **policy: Any) -> str:
    """Why a statement of ``claims`` is refused; empty where it is not."""
    try:
        verification.check_claims(
            stated(claims, **(entry or {})), tenant(), SoftwareStatementPolicy(**policy), NOW
        )
    except InvalidSoftwareStatement as error:
        return error.description
    return ""


@each(
    "claims, entry, policy, expected",
    [
        ({}, {}, {}, ""),
        # 60 seconds that clocks may differ by.
        ({"exp": NOW - 59}, {}, {}, ""),
        ({"exp": NOW - 60}, {}, {}, "has expired"),
        ({"exp": NOW - 60}, {"clock_skew": 61}, {}, ""),
        ({"exp": NOW}, {"clock_skew": 0}, {}, "has expired"),
        ({"exp": NOW + 1}, {"clock_skew": 0}, {}, ""),
        ({"exp": NOW + 3660}, {}, {"maximum_lifetime": 3600}, ""),
        ({"exp": NOW + 3661}, {}, {"maximum_lifetime": 3600},
         "is good for longer than 3600 seconds (exp)"),
        ({"nbf": NOW + 60, "iat": NOW + 60}, {}, {}, ""),
        ({"nbf": NOW + 61}, {}, {}, "is not good yet (nbf)"),
        ({"iat": NOW + 61}, {}, {}, "is not good yet (iat)"),
        ({"exp": "x"}, {}, {}, "has an exp that is no time in seconds"),
        ({"nbf": True}, {}, {}, "has an nbf that is no time in seconds"),
        ({"iat": None}, {}, {}, "has an iat that is no time in seconds"),
        ({}, {"maximum_age": 600}, {}, "needs an iat, a time in seconds"),
        ({}, {}, {"maximum_age": 600}, "needs an iat, a time in seconds"),
        ({"iat": NOW - 659}, {"maximum_age": 600}, {}, ""),
        ({"iat": NOW - 660}, {"maximum_age": 600}, {}, "is older than 600 seconds"),
        ({"iat": NOW - 400}, {"maximum_age": 600}, {"maximum_age": 300},
         "is older than 300 seconds"),
        ({"iat": NOW - 400}, {"maximum_age": 300}, {"maximum_age": 600},
         "is older than 300 seconds"),
        # RFC 7519 4.1.3
        ({"aud": OURS}, {}, {}, ""),
        ({"aud": [OURS, "x"]}, {}, {}, ""),
        ({"aud": "x"}, {}, {}, "is for another audience (aud)"),
        ({"aud": []}, {}, {}, "is for another audience (aud)"),
        ({"aud": f"{OURS}/more"}, {}, {}, "is for another audience (aud)"),
        ({}, {"audience": "x"}, {}, "is for another audience (aud)"),
        ({"aud": ["x"]}, {"audience": "x"}, {}, ""),
        ({"aud": OURS}, {"audience": "x"}, {}, "is for another audience (aud)"),
        ({}, {"required_claims": ["a"]}, {"required_claims": ["b"]},
         "needs the claim a; needs the claim b"),
        ({"a": 0, "b": ""}, {"required_claims": ["a"]}, {"required_claims": ["b"]},
         "needs the claim b"),
        ({"jti": "j" * 256}, {}, {}, ""),
        ({"jti": "j"}, {}, {}, ""),
        ({"jti": "j" * 257}, {}, {}, "has a jti that is no text of 1 to 256 characters"),
        ({"jti": ""}, {}, {}, "has a jti that is no text of 1 to 256 characters"),
        ({"jti": 7}, {}, {}, "has a jti that is no text of 1 to 256 characters"),
        ({"software_id": 7}, {}, {}, "has a software_id that is no text"),
        ({"software_id": None}, {}, {}, ""),
        ({"client_secret": "x"}, {}, {}, "must not hold client_secret"),
        ({"exp": NOW - 60, "aud": "x"}, {}, {}, "has expired; is for another audience (aud)"),
    ],
)  # fmt: skip
def test_a_statement_is_refused_to_the_second_and_with_the_reason(
    claims: JsonObject, entry: dict[str, Any], policy: dict[str, Any], expected: str
) -> None:
    reasons = [f"software_statement {each}" for each in expected.split("; ") if each]
    assert told(claims, entry, **policy) == "; ".join(reasons)


@each(
    "header, entry, algorithms, expected",
    [
        ({}, {}, [], ""),
        ({"typ": ""}, {}, [], ""),
        ({"typ": "jwt"}, {}, [], ""),
        ({"typ": "JWT"}, {}, [], ""),
        ({"typ": "application/JWT"}, {}, [], ""),
        ({"typ": "at+jwt"}, {}, [], "the typ of software_statement must be JWT, if it has one"),
        ({"typ": 7}, {}, [], "the typ of software_statement must be JWT, if it has one"),
        ({}, {"algorithms": ["ES256"]}, [], "the alg of software_statement is not accepted here"),
        ({}, {}, ["ES256"], "the alg of software_statement is not accepted here"),
        ({}, {}, ["ES256", "RS256"], ""),
        # What a policy accepts is accepted of whoever's entry accepts it, too.
        ({}, {"algorithms": ["ES256"]}, ["RS256"],
         "the alg of software_statement is not accepted here"),
        ({"alg": "none"}, {}, [], "the alg of software_statement is not accepted here"),
    ],
)  # fmt: skip
def test_what_a_header_may_say(
    header: JsonObject, entry: dict[str, Any], algorithms: list[str], expected: str
) -> None:
    policy = SoftwareStatementPolicy(algorithms=frozenset(algorithms))
    made = stated(header=header, **entry)
    if not expected:
        verification.check_header(made, policy)
        return
    with pytest.raises(InvalidSoftwareStatement) as refused:
        verification.check_header(made, policy)
    assert refused.value.description == expected


@each(
    "value, told",
    [
        (7, "software_statement must be a text that holds the whole JWT"),
        ("a.b", "software_statement must be a text that holds the whole JWT"),
        ("a.b.c.d", "software_statement must be a text that holds the whole JWT"),
        ("\u00e4.b.c", "software_statement must be a text that holds the whole JWT"),
        ("a.b.c", "software_statement cannot be read: it is no compact JWS of JSON objects"),
    ],
)
def test_what_is_no_statement_is_told(value: Any, told: str) -> None:
    with pytest.raises(InvalidSoftwareStatement) as refused:
        verification.parsed(value)
    assert refused.value.description == told


def _issuer(claims: JsonObject, here: Tenant, policy: SoftwareStatementPolicy = POLICY) -> Any:
    return verification.issuer_of(Jws("a.b.c", {}, claims), here, policy)


def test_an_issuer_is_one_that_the_tenant_trusts() -> None:
    entry = trusted()
    ours = tenant(statement_issuers={ISSUER: entry})
    assert _issuer({"iss": ISSUER}, ours) is entry
    for claims in ({}, {"iss": ""}, {"iss": [ISSUER]}):
        with pytest.raises(InvalidSoftwareStatement) as nobody:
            _issuer(claims, ours)
        assert nobody.value.description == "software_statement needs an iss, a text"
    stranger: JsonObject = {"iss": "https://other.example"}
    with pytest.raises(UnapprovedSoftwareStatement) as refused:
        _issuer(stranger, ours)
    expected = "the issuer of software_statement is not trusted here"
    assert refused.value.description == expected
    assert _issuer(stranger, ours, SoftwareStatementPolicy(unknown_issuer="ignore")) is None


def test_whoever_signs_by_the_keys_of_a_tenant_is_an_issuer_by_any_name() -> None:
    entry = trusted()
    by_keys = tenant(statement_keys=JWKS, statement_issuers={ISSUER: entry})
    assert _issuer({"iss": ISSUER}, by_keys) is entry
    found = _issuer({"iss": "somebody"}, by_keys)
    assert (found.settings.issuer, found.settings.jwks_uri) == ("somebody", JWKS)
    assert not found.declared  # a URL that was stored leads nowhere inside
    for name in ("a\nb", "x" * 513):
        with pytest.raises(InvalidSoftwareStatement) as refused:
            _issuer({"iss": name}, by_keys)
        assert refused.value.description == (
            "software_statement needs an iss, a text of at most 512 printable characters"
        )


def test_secrets_and_blocked_software_are_refused_whenever_the_statement_was_made() -> None:
    with pytest.raises(InvalidSoftwareStatement) as refused:
        verification.check_contents(stated({"client_secret": "x"}))
    assert refused.value.description == "software_statement must not hold client_secret"
    with pytest.raises(UnapprovedSoftwareStatement) as blocked:
        verification.check_contents(stated(blocked_software_ids=["s"]))
    expected = "the software of software_statement is not approved here"
    assert blocked.value.description == expected
    verification.check_contents(stated(blocked_software_ids=["t"]))


@each(
    "claims, same_issuer, told",
    [
        ({}, True, None),
        ({"software_id": "t"}, False, "software_statement is for other software"),
        ({"iss": "other"}, False, None),
        ({"iss": "other"}, True,
         "software_statement is of another issuer than the one that the client has"),
    ],
)  # fmt: skip
def test_a_client_does_not_become_one_of_other_software(
    claims: JsonObject, told: str | None, *, same_issuer: bool
) -> None:
    held = signed(iss=ISSUER, software_id="s")
    if told is None:
        verification.check_same_software(stated(claims), held, same_issuer=same_issuer)
        return
    with pytest.raises(UnapprovedSoftwareStatement) as refused:
        verification.check_same_software(stated(claims), held, same_issuer=same_issuer)
    assert refused.value.description == told


def test_a_statement_without_software_may_become_one_with() -> None:
    held = signed(iss=ISSUER, software_id=...)
    verification.check_same_software(stated({"software_id": "t"}), held, same_issuer=True)


@each(
    "claims, entry, maximum_age, ends",
    [
        ({}, {}, None, 2**53),
        ({"iat": NOW}, {}, None, 2**53),
        ({"exp": NOW}, {}, None, NOW + 61),
        ({"exp": NOW + 0.5}, {"clock_skew": 10}, None, NOW + 11),
        ({"iat": NOW}, {}, 100, NOW + 161),
        ({"iat": NOW}, {"maximum_age": 50}, 100, NOW + 111),
        ({"iat": NOW, "exp": NOW + 20}, {"maximum_age": 50}, 100, NOW + 81),
        ({"exp": NOW}, {"maximum_age": 50}, 100, NOW + 61),
    ],
)
def test_a_statement_is_remembered_until_it_would_be_refused_for_its_age(
    claims: JsonObject, entry: dict[str, Any], maximum_age: int | None, ends: int
) -> None:
    assert stated(claims, **entry).refused_after(maximum_age) == ends


def test_what_a_statement_is_known_by() -> None:
    made = stated({"jti": "j", "software_id": "s"})
    assert (made.text, made.software_id, made.single_use) == ("a.b.c", "s", "j")
    assert made.purpose == f"software_statement:{ISSUER}"
    assert made.claims["jti"] == "j"
    assert stated({"jti": "j"}, reusable=True).single_use == ""
    assert stated({"software_id": 7}).software_id == ""
