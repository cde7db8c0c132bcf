"""Corners of conditions and effects that no other test is about, each with what it promises."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from dcrserver.policies.names.protected import ProtectedNames
from dcrserver.policies.statements.circumstances import Circumstances
from dcrserver.policies.statements.claims import claims_of
from dcrserver.policies.statements.conditions import LISTS, Condition, elements, matcher, one_of
from dcrserver.policies.statements.evaluation import Decision, decide, in_order
from dcrserver.policies.statements.grammar import Statement
from dcrserver.policies.statements.hosts import among, domain_of, host_of, is_open_to_all
from dcrserver.policies.statements.values import comparable
from harness.cases import each
from policies.statement_support import REJECT, judged_by, members, ruled, statement
from policies.test_statement_circumstances import jws

HERE = Circumstances()


def holds(key: str, condition: Any, sent: Any = None, here: Circumstances = HERE) -> bool:
    return matcher(key, Condition.model_validate(condition))(here, sent or {})


@each("name", sorted(LISTS))
def test_of_a_list_that_is_not_there_no_element_matches(name: str) -> None:
    assert not holds(name, {"not": "x"})
    assert elements(name, None) == ()
    assert holds(name, {"not": "x"}, {name: ["y"] if name != "scope" else "y"})
    assert elements("client_name", None) == (None,)


@each(
    "name, value, found",
    [
        ("contacts", ["a", "b"], ["a", "b"]),
        ("scope", "a b  c", ["a", "b", "c"]),
        ("scope", ["a"], ["a"]),
        ("client_name", "a b", ("a b",)),
        ("contacts", "a", ("a",)),
    ],
)
def test_what_of_a_member_is_compared(name: str, value: Any, found: Any) -> None:
    assert elements(name, value) == found


@each(
    "key, condition, actors, found",
    [
        ("actor", "administrator", {"administrator"}, True),
        ("actor", "administrator:7", {"administrator", "administrator:7"}, True),
        ("actor", "administrator:7", {"administrator", "administrator:8"}, False),
        ("actor", "administrator:a:b", {"administrator", "administrator:a:b"}, True),
        ("actor", "operator:me", {"operator", "operator:me"}, True),
        ("actor", {"in": "administrator", "not": "administrator:7"},
         {"administrator", "administrator:7"}, False),
        ("actor", {"in": "administrator", "not": "administrator:7"},
         {"administrator", "administrator:8"}, True),
        ("actor", {"in": "administrator", "not": "client"}, {"anonymous"}, False),
        ("actor", {"not": "client"}, {"anonymous"}, True),
    ],
)  # fmt: skip
def test_administrators_and_operators_have_names(
    key: str, condition: Any, actors: set[str], *, found: bool
) -> None:
    assert holds(key, condition, here=Circumstances(actors=frozenset(actors))) is found


def test_a_moment_without_an_offset_is_a_day_of_utc_and_with_one_is_that() -> None:
    day = 1_795_824_000  # 2026-11-28T00:00:00Z
    for since in ("2026-11-28", "2026-11-28T00:00:00Z", "2026-11-28T01:00:00+01:00"):
        assert holds("time", {"from": since}, here=Circumstances(now=day)), since
        assert not holds("time", {"from": since}, here=Circumstances(now=day - 1)), since


def test_a_day_is_one_of_utc_wherever_the_server_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        day = Circumstances(now=1_795_824_000)
        made = matcher("time", Condition.model_validate({"from": "2026-11-28"}))
        before = replace(day, now=day.now - 1)
    time.tzset()
    assert (made(day, {}), made(before, {})) == (True, False)


def test_an_address_that_is_no_address_is_in_no_network() -> None:
    for text in (None, "", "unix", "XXXX"):
        assert not holds("address", "::/0", here=Circumstances(address=text))
        assert holds("address", {"not": "::/0"}, here=Circumstances(address=text))


@each(
    "pattern, uri, found",
    [
        ("[::1]", "http://[::1]/", True),
        ("[::1]:80", "http://[::1]/", True),
        ("[::1]:99999", "http://[::1]/", True),
        ("::1", "http://[::1]/", True),
        ("a.example:1", "https://a.example/", True),
        ("a.example:99999", "https://a.example/", True),
        ("*.a.example:443", "https://b.a.example/", True),
        ("*.a1", "https://b.a1/", True),
        ("a.example", "ftp://a.example/", False),
        ("xn--strae-oqa.example", "https://stra\u00dfe.example/", True),
        ("\uff45xample.org", "https://example.org/", True),
        ("b\u00fccher.example\u3002", "https://xn--bcher-kva.example./", True),
        (f"{'a' * 61}.{'b' * 63}.{'c' * 63}.{'d' * 63}",
         f"https://{'a' * 61}.{'b' * 63}.{'c' * 63}.{'d' * 63}/", True),
    ],
)  # fmt: skip
def test_hosts_at_the_bounds(pattern: str, uri: str, *, found: bool) -> None:
    assert among([pattern])(host_of(uri)) is found


@each(
    "pattern",
    [
        "a.example:123456", "a.example:1x", "a.example:", "[::1]x", "[::1]:1x", "[::1]:123456",
        "[a.example]", "*.1.2.3.4", "*.::1", "[::1", "::1]", "a:b:1", "a.example:1:2",
        f"{'a' * 62}.{'b' * 63}.{'c' * 63}.{'d' * 63}", "a" * 64, "-a.example", "a-.example",
    ],
)  # fmt: skip
def test_what_is_no_host_at_the_bounds(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"must be a host, or \*\. and a DNS name"):
        among([pattern])


def test_domains_of_uris_and_patterns_that_are_anybodys() -> None:
    assert domain_of("https://a.b.example.co.uk/") == "example.co.uk"
    assert domain_of("app:/x") is None
    assert is_open_to_all("*.co.uk:443")
    assert not is_open_to_all("co.uk")
    assert not is_open_to_all("*.example.co.uk")


@each("extra", ["", "1", "12", "123"])
def test_claims_are_read_however_long_they_are(extra: str) -> None:
    """Base64 without its padding, of each length."""
    text = jws({"software_id": f"s{extra}", "a": {"b": {"c": 1}}, "d": {}})
    found = claims_of({"software_statement": text, "software_statement_issuer": "i"})
    assert found == {"software_id": f"s{extra}", "a.b.c": 1, "iss": "i"}


def test_claims_are_asked_whoever_asks() -> None:
    text = jws({"software_id": "s"})
    kept = {"software_statement": text, "software_statement_issuer": "i"}
    assert holds("statement.software_id", "s", kept)
    assert not holds("statement.software_id", "t", kept)


def test_all_of_three_conditions_must_hold() -> None:
    when = {"client_name": "a", "software_id": "b", "software_version": "c", "origin": "open"}
    made = Statement.model_validate({"name": "s", "when": when, "then": {"hold": True}})
    good = {"client_name": "a", "software_id": "b", "software_version": "c"}
    assert made.concerns(HERE, good)
    for name in good:
        assert not made.concerns(HERE, good | {name: "x"})
    assert not made.concerns(Circumstances(origins=frozenset({"import"})), good)


def test_all_tests_of_a_condition_must_hold() -> None:
    condition = {"in": ["ab", "b"], "not": "b", "prefix": "a", "pattern": "b$"}
    assert holds("client_name", condition, {"client_name": "ab"})
    for wrong in ("b", "a", "abb", "x"):
        assert not holds("client_name", condition, {"client_name": wrong})


@each(
    "condition, value, found",
    [
        ({"pattern": "1"}, 1, False),
        ({"pattern": "1"}, "1", True),
        ({"in": [1]}, True, False),
        ({"in": [True]}, True, True),
        ({"in": ["true"]}, True, False),
        ({"in": [1.5, "x"]}, 1.5, True),
        ({"prefix": ["a", "b"]}, "bc", True),
    ],
)
def test_values_are_compared_as_json_has_them(condition: Any, value: Any, *, found: bool) -> None:
    assert holds("m", condition, {"m": value}) is found


def test_equal_is_what_json_writes_alike() -> None:
    assert comparable("a") == "a"
    assert comparable(1) != comparable("1")
    assert comparable(True) != comparable(1)  # noqa: FBT003 - a value
    assert one_of("m", ["a", 1])(1)
    assert not one_of("m", ["a", 1])(True)  # noqa: FBT003


@each(
    "then, sent, code",
    [
        ({"remove": ["redirect_uris"], "correct": False}, {}, "invalid_redirect_uri"),
        ({"remove": ["client_name"], "correct": False}, {"client_name": "x"},
         "invalid_client_metadata"),
        ({"require": ["contacts"]}, {}, "invalid_client_metadata"),
        ({"force": {"client_name": "y"}, "correct": False}, {"client_name": "x"},
         "invalid_client_metadata"),
    ],
)  # fmt: skip
def test_the_code_of_a_refusal_is_that_of_the_member(then: Any, sent: Any, code: str) -> None:
    made = ruled(judged_by(statement(then)), **sent)
    assert made.error is not None
    assert made.error.code == code


def test_redirect_uris_that_are_missing_are_so_by_their_own_code() -> None:
    asked = Statement.model_validate(statement({"require": ["redirect_uris", "contacts"]}))
    found = decide([asked], HERE, {}, {}).refusals
    assert [each.error for each in found] == ["invalid_redirect_uri", "invalid_client_metadata"]


def test_a_restriction_is_about_all_its_members() -> None:
    """Whatever comes of one of them."""
    restrict = {"logo_uri": ["x"], "scope": ["openid", "email"], "client_name": ["good"]}
    judged = judged_by(statement({"restrict": restrict}, "r") | {"correct": True})
    made = ruled(judged, scope="openid", client_name="bad")
    assert members(made)["client_name"] == "good"
    assert members(made)["scope"] == "openid"
    both = ruled(judged, scope="email profile openid", client_name="bad")
    assert members(both)["scope"] == "email openid"


@each("sent, after", [(None, 60), (61, 60), (60, None), (59, None)])
def test_nothing_lives_longer_than_a_statement_says(sent: int | None, after: int | None) -> None:
    made = Statement.model_validate(statement({"expire": {"refresh_token": 60}}))
    held = {} if sent is None else {"refresh_token_lifetime": sent}
    found = decide([made], HERE, held, held)
    assert [each.after for each in found.changes] == ([] if after is None else [after])


def test_the_shortest_of_several_lifetimes_counts() -> None:
    lives = [{"secret": 60}, {"secret": 30}, {"secret": 90, "registration_access_token": 40}]
    made = [Statement.model_validate(statement({"expire": each}, f"s{number}"))
            for number, each in enumerate(lives)]  # fmt: skip
    found = decide(made, HERE, {}, {})
    assert found.expiries == {"secret": 30, "registration_access_token": 40}
    assert found.statements == ("s0", "s1", "s2")


def test_a_change_is_what_became_another() -> None:
    made = Statement.model_validate(statement({"force": {"client_name": "x", "logo_uri": "y"}}))
    sent = {"client_name": "x", "logo_uri": "z"}
    changes = decide([made], HERE, sent, sent).changes
    assert [(each.member, each.before, each.after) for each in changes] == [("logo_uri", "z", "y")]


def test_what_is_as_it_shall_be_is_left_as_it_was_stored() -> None:
    made = Statement.model_validate(statement({"force": {"grant_types": ["a", "b"]}}))
    found = decide([made], HERE, {"grant_types": ["a", "b"]}, {"grant_types": ["a"]})
    assert (found.changes, found.statements) == ((), ())


def test_a_scope_is_what_its_words_are() -> None:
    then = {"force": {"scope": "a b"}, "correct": False}
    made = Statement.model_validate(statement(then))
    found = decide([made], HERE, {"scope": "a  a b"}, {"scope": "a b"})
    assert (found.changes, found.refusals, found.sent) == ((), (), {"scope": "a  a b"})
    assert decide([made], HERE, {"scope": "a"}, {"scope": "a"}).refusals
    assert decide([made], HERE, {}, {"scope": "a  b"}).changes == ()


def test_a_list_of_one_is_not_what_it_holds() -> None:
    made = Statement.model_validate(statement({"force": {"contacts": ["a"]}}))
    found = decide([made], HERE, {"contacts": "a"}, {"contacts": "a"})
    assert [(each.before, each.after) for each in found.changes] == [("a", ["a"])]


def test_what_is_served_of_a_value_may_be_sent_back() -> None:
    """Where the server has not all of it, and leaves the rest out."""
    then = {"force": {"scope": "a b"}, "correct": False}
    made = Statement.model_validate(statement(then))

    def served(sent: Any) -> Any:
        return {**sent, "scope": " ".join({*sent["scope"].split()} - {"b"})}

    held = {"scope": "a"}
    for scope in ("a", "a  a", "a  a b"):
        assert not decide([made], HERE, {"scope": scope}, held, served).refusals, scope
    other = {"scope": "c"}
    assert decide([made], HERE, other, other, served).refusals


def test_what_is_made_of_a_change_is_asked_about_once() -> None:
    asked: list[Any] = []

    def made_of(sent: Any) -> Any:
        asked.append(dict(sent))
        return {**sent, "default": 1}

    force = Statement.model_validate(statement({"force": {"a": 1}}, "a"))
    tag = Statement.model_validate(statement({"tag": ["t"]}, "b"))
    require = Statement.model_validate(statement({"require": ["default"]}, "c"))
    found = decide([tag, force, tag, require], HERE, {}, {}, made_of)
    assert asked == [{"a": 1}]
    assert not found.refusals


@each(
    "decision, verdict",
    [
        ({}, "accept"),
        ({"is_held": True}, "hold"),
        ({"refusals": ("r",)}, "reject"),
        ({"refusals": ("r",), "is_held": True}, "reject"),
    ],
)
def test_the_worst_that_was_decided_is_the_verdict(decision: Any, verdict: str) -> None:
    assert Decision(**decision).verdict == verdict


def test_names_are_told_as_the_policy_has_them() -> None:
    made = [Statement.model_validate(statement(REJECT, name)) for name in ("b", "a", "c")]
    assert in_order(made, ["a", "b", "a"]) == ("b", "a")
    assert in_order(made, []) == ()


def test_a_policy_without_names_protects_none() -> None:
    assert ProtectedNames([]).borne_by("anything") == []
