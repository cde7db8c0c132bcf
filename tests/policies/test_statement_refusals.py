"""What is told of a statement that cannot be: to the word, and where the bounds are."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dcrserver.policies.names.protected import ProtectedName
from dcrserver.policies.statements.circumstances import ACTORS, ORIGINS, Circumstances
from dcrserver.policies.statements.conditions import Condition, matcher
from dcrserver.policies.statements.grammar import (
    CONTEXT,
    CORRECTING,
    EFFECTS,
    Effect,
    Expiries,
    Statement,
)
from dcrserver.policies.statements.hosts import is_open_to_all, normalized
from harness.cases import each
from policies.statement_support import judged_by, ruled, statement

MOMENT = "must be a moment, such as 2027-01-31T12:00:00Z, or a day of UTC"
HOURS = "must be full hours of UTC, from 0 to 23 until 0 to 24"
NEVER = "can never hold: what in names, not names as well"
ONE_OF_ALL = "takes a value, a list, or a table of in, not, prefix and pattern here"
IN_OR_NOT = "takes a value, a list, or a table of in and not here"
SAFE = "is no pattern that is safe to look for: "
LISTED = "must be a text, a number, true or false, or a list of these"


@each(
    "key, condition, told",
    [
        ("origin", "x" * 90,
         f"{'x' * 80}: must be one of {', '.join(sorted(ORIGINS))}"),
        ("actor", "client:7", f"client:7: must be one of {', '.join(sorted(ACTORS))}"),
        ("actor", "administrator:", f"administrator:: must be one of {', '.join(sorted(ACTORS))}"),
        ("origin", {"pattern": "o"}, IN_OR_NOT),
        ("address", "x", ("must be an address or a network (CIDR): 'x' does not appear to be an"
         " IPv4 or IPv6 network")),
        ("time", {"from": "x"}, MOMENT),
        ("time", {"from": "2026-11-28T10:00:00"}, MOMENT),
        ("time", {"until": 20261128}, MOMENT),
        ("time", {"from": "2026-11-28", "until": "2026-11-28"},
         "can never hold: from is not before until"),
        ("time", "2026-11-28", "takes a table of from and until here"),
        ("hour", {"from": 24}, HOURS),
        ("hour", {"until": 25}, HOURS),
        ("hour", {"from": -1}, HOURS),
        ("hour", {"from": 8, "until": 8}, "can never hold: from is until"),
        ("client_name", {"in": ["a"], "not": ["a"]}, NEVER),
        ("client_name", {"in": ["a"], "not": ["b", "a"]}, NEVER),
        ("client_name", {"from": "a"}, ONE_OF_ALL),
        ("redirect_uris.host", "https://" + "x" * 90,
         f"https://{'x' * 72}: must be a host, or *. and a DNS name"),
        ("redirect_uris.host", "*.192.0.2.1", "*.192.0.2.1: must be a host, or *. and a DNS name"),
        ("redirect_uris.domain", "a b", "a b: must be a domain, such as example.co.uk"),
        ("redirect_uris.domain", "co.uk", "co.uk: is a public suffix: domains are below it"),
        ("redirect_uris.domain", "a.b.example",
         "a.b.example: is no registrable domain, which is b.example"),
    ],
)  # fmt: skip
def test_a_condition_that_cannot_hold_is_told_to_the_word(
    key: str, condition: Any, told: str
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is compared
        matcher(key, Condition.model_validate(condition))
    assert str(refused.value) == told


def _refused(document: Any) -> dict[str, Any]:
    with pytest.raises(ValidationError) as refused:
        Statement.model_validate(document)
    (problem,) = refused.value.errors()
    return dict(problem)


@each(
    "document, place, told",
    [
        (statement({"hold": True}, clientname={}), "when clientname",
         "must hold one of in, not, prefix, pattern"),
        (statement({"hold": True}, client_name=[]), "when client_name in",
         "must be a value, or a list of 1 to 10000"),
        (statement({"hold": True}, client_name=["a", None]), "when client_name in", LISTED),
        (statement({"hold": True}, client_name=["a", {}]), "when client_name in", LISTED),
        (statement({"hold": True}, client_name={"prefix": ["a", 7]}), "when client_name prefix",
         "must be a text, or a list of texts"),
        (statement({"hold": True}, client_name={"prefix": ["a", ""]}), "when client_name prefix",
         "must be a text, or a list of texts"),
        (statement({"hold": True}, client_name={"pattern": "(?=a)"}), "when client_name pattern",
         f"{SAFE}look-around, including look-ahead and look-behind, is not supported"),
        (statement({"hold": True}, **{"a b": "x"}), "when a b",
         "is no member, no MEMBER.host or MEMBER.domain, no statement.CLAIM, and none of "
         + ", ".join(sorted(CONTEXT))),
        (statement({"reject": {"description": 'a"b'}}), "then reject description",
         'must be 1 to 200 printable ASCII characters without " and \\ (RFC 6749 5.2)'),
        (statement({"reject": {"description": "a\n"}}), "then reject description",
         'must be 1 to 200 printable ASCII characters without " and \\ (RFC 6749 5.2)'),
        (statement({"expire": {}}), "then expire",
         f"must hold one of {', '.join(Expiries.model_fields)}"),
        (statement({"hold": True, "tag": ["a"]}), "then",
         f"must hold exactly one of {', '.join(sorted(EFFECTS))}"),
        (statement({"correct": True}), "then",
         f"must hold exactly one of {', '.join(sorted(EFFECTS))}"),
        (statement({"hold": True, "correct": True}), "then",
         f"correct stands beside one of {', '.join(sorted(CORRECTING))}"),
        (statement({"force": {"a": 1}, "correct": True}) | {"correct": False}, "",
         "correct is said twice, and not the same"),
    ],
)  # fmt: skip
def test_a_statement_that_cannot_be_is_told_to_the_word_with_its_place(
    document: Any, place: str, told: str
) -> None:
    problem = _refused(document)
    assert " ".join(map(str, problem["loc"])) == place
    assert problem["msg"].removeprefix("Value error, ") == told


def test_what_was_given_is_told_with_the_problem() -> None:
    problem = _refused(statement({"hold": True}, origin="x"))
    assert problem["type"] == "statement"
    assert problem["input"] == Condition.model_validate("x")
    with pytest.raises(ValidationError, match="for Statement"):
        Statement.model_validate(statement({"hold": True}, origin="x"))


def test_a_protected_name_has_something_to_look_at() -> None:
    with pytest.raises(ValidationError) as refused:
        ProtectedName(name="!")
    (problem,) = refused.value.errors()
    assert problem["msg"] == "Value error, must hold a letter or a digit"


def test_what_is_allowed_at_the_bounds() -> None:
    values = [f"v{number}" for number in range(10_000)]
    assert len(Condition.model_validate(values).any_of or ()) == len(values)
    with pytest.raises(ValidationError):
        Condition.model_validate([*values, "more"])
    made = Condition.model_validate("a")
    assert Condition.model_validate(made) is made
    for day in ({"from": 0, "until": 24}, {"from": 23, "until": 24}, {"from": 0}, {"until": 24}):
        matcher("hour", Condition.model_validate(day))
    twice = statement({"force": {"a": 1}, "correct": True}) | {"correct": True}
    assert Statement.model_validate(twice).then.corrects
    document = statement({"hold": True})
    given = Statement.model_validate(document)
    assert Statement.model_validate({"name": "a", "then": given.then}).then is given.then


@pytest.mark.parametrize("document", ["x", 7, None, ["a"]])
def test_what_is_no_table_is_no_statement_and_no_effect(document: Any) -> None:
    for wrong in (document, {"name": "a", "then": document}):
        problem = _refused(wrong)
        assert (problem["type"], problem["input"]) == ("model_type", document)


def test_all_effects_at_once_are_not_one() -> None:
    with pytest.raises(ValidationError, match="must hold exactly one of"):
        Effect.model_validate(dict.fromkeys({*EFFECTS, "correct"}))


@each("effect", ["force", "default"])
def test_members_of_an_effect_are_a_table_of_what_is_stored(effect: str) -> None:
    problem = _refused(statement({effect: "x"}))
    assert (problem["type"], problem["input"]) == ("dict_type", "x")
    members = {"scope": "a  b a", "contacts": ["x", "y", "x"], "client_name": "a a", "m": 1}
    made = Statement.model_validate(statement({effect: members}))
    stored = members | {"scope": "a b", "contacts": ["x", "y"]}
    assert getattr(made.then, effect) == stored


def test_what_is_no_host_or_domain_is_told_in_short() -> None:
    with pytest.raises(ValueError, match=r"^is no DNS name and no address$"):
        normalized("a b")
    with pytest.raises(ValueError, match=r"^an address has no names below it$"):
        is_open_to_all("*.192.0.2.1")
    long = "x" * 60
    for text, told in (
        (f"{long} {long}", "must be a domain, such as example.co.uk"),
        (f"{long}.{long}.example", f"is no registrable domain, which is {long}.example"),
    ):
        with pytest.raises(ValueError, match=r"must be|is no") as refused:
            matcher("redirect_uris.domain", Condition.model_validate(text))
        assert str(refused.value) == f"{text[:80]}: {told}"


@each(
    "restrict, told",
    [
        ({"token_endpoint_auth_method": ["none", "private_key_jwt"]},
         "token_endpoint_auth_method must be of none, private_key_jwt"),
        ({"client_uri.host": [f"h{n}.example" for n in range(20)]},
         "client_uri.host must be of " + ", ".join(f"h{n}.example" for n in range(20))),
        ({"client_uri.host": [f"h{n}.example" for n in range(21)]},
         "client_uri.host must be of " + ", ".join(f"h{n}.example" for n in range(20)) + ", ..."),
        ({"client_name": ["x\u00e4y\tz", 'a"b\\c']},
         "client_name must be of x?y?z, a'b/c"),
        ({"client_name": ["n" * 500]}, ("client_name must be of " + "n" * 500)[:400]),
    ],
)  # fmt: skip
def test_what_is_allowed_is_told_as_errors_may_be(restrict: Any, told: str) -> None:
    """RFC 6749 5.2."""
    judged = judged_by(statement({"restrict": restrict}))
    sent = {"client_uri": "https://other.example/", "client_name": "other"}
    made = ruled(judged, here=Circumstances(), **sent)
    assert made.error is not None
    assert made.error.description == told
