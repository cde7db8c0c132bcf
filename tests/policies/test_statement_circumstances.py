"""What ``when`` asks beside the registration: scopes, moments, claims of a software statement."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from dcrserver.metadata.statements import ruling
from dcrserver.metadata.validation import validate
from dcrserver.policies.statements.circumstances import Circumstances
from dcrserver.settings.stored import BadDocument
from harness.cases import each
from policies.statement_support import SENT, judged_by, policy_of, ruled, statement

# A Saturday.
NOW = int(datetime(2026, 11, 28, 20, 15, tzinfo=UTC).timestamp())
MARK = "https://marks.example/certified"
CLAIMS = {
    "iss": "https://forged.example",
    "software_id": "abc",
    "software_roles": ["AISP", "PISP"],
    "org": {"status": "Active", "authority": {"id": "PSDGB"}},
    "client_uri": "https://App.example:8443/about",
    "count": 3,
    "trust_marks": [
        {"trust_mark_type": MARK, "trust_mark": "a.b.c"},
        {"id": "https://marks.example/older", "trust_mark": "a.b.c"},
        "https://marks.example/bare",
        {"trust_mark": "a.b.c"},
        7,
    ],
}


def jws(claims: dict[str, Any]) -> str:
    """As it stands in a registration once it was verified."""
    parts = ({"alg": "ES256"}, claims, {})
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )


def holds(key: str, condition: Any, here: Circumstances) -> bool:
    return ruled(judged_by(statement(**{key: condition})), here=here).verdict == "reject"


def holds_of_claims(key: str, condition: Any, claims: dict[str, Any] | None) -> bool:
    kept: dict[str, Any] = {}
    if claims is not None:
        kept = {
            "software_statement": jws(claims),
            "software_statement_issuer": "https://issuer.example",
        }
    written = {"name": "a", "when": {key: condition}, "then": {"reject": {}}}
    judged = judged_by(written, statements_mode="allowed")
    made = ruling(SENT, validate(SENT, judged, kept), judged, Circumstances(), kept)
    return made.verdict == "reject"


@each(
    "condition, found",
    [
        ({"from": "2026-11-28T20:15:00Z"}, True),
        ({"from": "2026-11-28T20:15:01Z"}, False),
        ({"until": "2026-11-28T20:15:00Z"}, False),
        ({"until": "2026-11-28T21:15:01+01:00"}, True),
        ({"from": "2026-11-28", "until": "2026-11-29"}, True),
        ({"from": "2026-11-29"}, False),
        ({"from": "2026-11-27", "until": "2026-11-28"}, False),
        # TOML has moments of its own.
        ({"from": datetime(2026, 11, 28, 20, tzinfo=UTC)}, True),
        ({"until": date(2026, 11, 28)}, False),
    ],
)
def test_a_statement_holds_from_a_moment_until_another(condition: Any, *, found: bool) -> None:
    assert holds("time", condition, Circumstances(now=NOW)) is found


@each(
    "key, condition, found",
    [
        ("hour", {"from": 20}, True),
        ("hour", {"from": 21}, False),
        ("hour", {"from": 8, "until": 20}, False),
        ("hour", {"from": 8, "until": 21}, True),
        ("hour", {"until": 20}, False),
        ("hour", {"until": 24}, True),
        ("hour", {"from": 22, "until": 6}, False),
        ("hour", {"from": 18, "until": 6}, True),
        ("hour", {"from": 23, "until": 21}, True),
        ("hour", {"from": 23, "until": 0}, False),
        ("day", "saturday", True),
        ("day", ["friday", "saturday"], True),
        ("day", "sunday", False),
        ("day", {"not": ["saturday", "sunday"]}, False),
        ("day", {"not": "monday"}, True),
    ],
)
def test_hours_and_days_are_those_of_utc(key: str, condition: Any, *, found: bool) -> None:
    assert holds(key, condition, Circumstances(now=NOW)) is found


def test_every_hour_and_day_is_itself() -> None:
    for hour in range(24 * 7):
        now = NOW + hour * 3600
        moment = datetime.fromtimestamp(now, UTC)
        here = Circumstances(now=now)
        until = (moment.hour + 1) % 24
        assert holds("hour", {"from": moment.hour, "until": until}, here), moment
        assert not holds("hour", {"from": until, "until": moment.hour}, here), moment
        assert holds("day", f"{moment:%A}".lower(), here), moment


@each(
    "key, condition, names, found",
    [
        ("address.host", "a.example.com", {"a.example.com"}, True),
        ("address.host", "*.example.com", {"a.example.com"}, True),
        ("address.host", ["*.EXAMPLE.com."], {"x.example", "a.example.com"}, True),
        ("address.host", "*.example.com", {"example.com.evil.example"}, False),
        ("address.host", "*.example.com", set(), False),
        ("address.host", {"not": ["*.example.com"]}, {"a.example.com"}, False),
        ("address.host", {"not": ["*.example.com"]}, {"x.example", "a.example.com"}, False),
        ("address.host", {"not": ["*.example.com"]}, {"x.example"}, True),
        ("address.host", {"not": ["*.example.com"]}, set(), True),
        ("address.host", {"in": "*.example.com", "not": "a.example.com"},
         {"a.example.com", "b.example.com"}, False),
        ("address.domain", "example.co.uk", {"a.b.example.co.uk"}, True),
        ("address.domain", "example.co.uk", {"evil.co.uk"}, False),
        ("address.domain", {"not": "example.co.uk"}, {"example.co.uk"}, False),
    ],
)  # fmt: skip
def test_names_of_the_address_are_compared_as_hosts(
    key: str, condition: Any, names: set[str], *, found: bool
) -> None:
    here = Circumstances(address="192.0.2.9", names=frozenset(names))
    assert holds(key, condition, here) is found


@each(
    "condition, scopes, found",
    [
        ("clients:create", {"clients:create", "clients:read"}, True),
        ("clients:update", {"clients:create"}, False),
        ({"not": "policies:override"}, {"clients:create"}, True),
        ({"not": "policies:override"}, {"clients:create", "policies:override"}, False),
        ({"not": "policies:override"}, set(), True),
        ({"in": ["clients:create"], "not": ["tokens:write"]}, {"clients:create"}, True),
    ],
)
def test_what_an_administrator_may_do_is_asked(
    condition: Any, scopes: set[str], *, found: bool
) -> None:
    here = Circumstances(actors=frozenset({"administrator"}), scopes=frozenset(scopes))
    assert holds("actor.scopes", condition, here) is found


@each(
    "key, condition, found",
    [
        # Who was found to have signed it, whatever it says.
        ("statement.iss", "https://issuer.example", True),
        ("statement.iss", "https://forged.example", False),
        ("statement.software_id", ["abc", "x"], True),
        ("statement.software_id", {"prefix": "ab"}, True),
        ("statement.software_id", {"pattern": "^b"}, False),
        ("statement.software_roles", "PISP", True),
        ("statement.software_roles", {"not": ["AISP", "PISP"]}, False),
        ("statement.org.status", "Active", True),
        ("statement.org.authority.id", {"not": "PSDGB"}, False),
        ("statement.org.authority", {"not": "x"}, True),
        ("statement.count", 3, True),
        ("statement.count", "3", False),
        ("statement.client_uri.host", "app.example", True),
        ("statement.client_uri.host", {"not": "*.example"}, False),
        ("statement.absent", "x", False),
        ("statement.absent", {"not": "x"}, True),
        ("statement.trust_marks", MARK, True),
        ("statement.trust_marks", "https://marks.example/older", True),
        ("statement.trust_marks", "https://marks.example/bare", True),
        ("statement.trust_marks", "https://marks.example/other", False),
        ("statement.trust_marks", "a.b.c", False),
    ],
)
def test_claims_of_a_verified_statement_are_compared_as_members_are(
    key: str, condition: Any, *, found: bool
) -> None:
    assert holds_of_claims(key, condition, CLAIMS) is found


def test_who_has_no_statement_has_none_of_its_claims() -> None:
    assert not holds_of_claims("statement.iss", "https://issuer.example", None)
    assert holds_of_claims("statement.iss", {"not": "https://issuer.example"}, None)
    assert not holds_of_claims("statement.trust_marks", MARK, {"trust_marks": {"id": MARK}})


@each(
    "when, told",
    [
        ({"time": "2026-11-28"}, "takes a table of from and until"),
        ({"time": {"in": ["x"], "from": "2026-11-28"}}, "takes a table of from and until"),
        ({"time": {"from": "2026-11-28T10:00:00"}}, "must be a moment"),
        ({"time": {"from": "tomorrow"}}, "must be a moment"),
        ({"time": {"until": 20261128}}, "must be a moment"),
        ({"time": {"from": "2026-11-28", "until": "2026-11-28T00:00:00Z"}}, "can never hold"),
        ({"time": {}}, "one of in, not"),
        ({"hour": {"from": 24}}, "full hours of UTC"),
        ({"hour": {"from": -1}}, "full hours of UTC"),
        ({"hour": {"until": 25}}, "full hours of UTC"),
        ({"hour": {"from": "8:30"}}, "full hours of UTC"),
        ({"hour": {"from": 8, "until": 8}}, "can never hold"),
        ({"hour": 8}, "takes a table of from and until"),
        ({"day": "Saturday"}, "must be one of"),
        ({"address.host": "a b"}, "must be a host"),
        ({"address.host": {"pattern": "a"}}, "takes a value, a list, or a table of in and not"),
        ({"address.domain": "co.uk"}, "is a public suffix"),
        ({"day": {"from": "monday"}}, "takes a value, a list, or a table of in and not"),
        ({"client_name": {"from": "a"}}, "a table of in, not, prefix and pattern"),
        ({"actor.scopes": "client:create"}, "must be one of"),
        ({"actor.scopes": {"prefix": "clients:"}}, "a table of in and not"),
        ({"statement.iss": "x"}, "no software statement is read"),
        ({"statement.": "x"}, "is no member"),
        ({"statement.a b": "x"}, "is no member"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(when: dict[str, Any], told: str) -> None:
    with pytest.raises(BadDocument, match=told) as refused:
        policy_of({"name": "a", "when": when, "then": {"hold": True}})
    (key,) = when
    assert all(
        each.pointer.startswith(f"/statements/0/when/{key}") for each in refused.value.problems
    )


def test_moments_are_shown_as_json_has_them() -> None:
    made = policy_of(
        {
            "name": "a",
            "when": {"time": {"from": datetime(2027, 1, 1, tzinfo=UTC)}},
            "then": {"hold": True},
        }
    )
    shown = made.model_dump(mode="json", by_alias=True)["statements"][0]["when"]
    assert shown == {"time": {"from": "2027-01-01T00:00:00+00:00"}}
