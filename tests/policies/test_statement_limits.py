"""Conditions on how many clients there are, and limits of them; nothing is counted here."""

from __future__ import annotations

from typing import Any

import pytest

from dcrserver.policies.statements.circumstances import Circumstances
from dcrserver.policies.statements.conditions import Condition, matcher
from dcrserver.policies.statements.effects import Quota
from harness.cases import each
from policies.statement_support import REJECT, judged_by, ruled, statement


@each(
    "condition, there, holds",
    [
        ({"from": 3}, 2, False),
        ({"from": 3}, 3, True),
        ({"from": 3}, 4, True),
        ({"until": 3}, 0, True),
        ({"until": 3}, 2, True),
        ({"until": 3}, 3, False),
        ({"from": 0, "until": 1}, 0, True),
        ({"from": 1, "until": 3}, 0, False),
        ({"from": 1, "until": 3}, 1, True),
        ({"from": 1, "until": 3}, 3, False),
        # What was not counted, as this client has none of it.
        ({"from": 0}, None, False),
        ({"until": 3}, None, False),
    ],
)
def test_from_so_many_clients_until_less_than_so_many(
    condition: Any, there: int | None, *, holds: bool
) -> None:
    made = matcher("clients.owner", Condition.model_validate(condition))
    counts = {"tenant": 2, "origin": 2, "software_id": 2}
    here = Circumstances(counts=counts if there is None else counts | {"owner": there})
    assert made(here, {}) is holds


@each(
    "condition, told",
    [
        ({"from": "a"}, "must be numbers of clients: from so many, until less than so many"),
        ({"until": "a"}, "must be numbers of clients: from so many, until less than so many"),
        ({"from": -1}, "must be numbers of clients: from so many, until less than so many"),
        ({"from": 3, "until": 3}, "can never hold: from is not less than until"),
        ({"until": 0}, "can never hold: from is not less than until"),
        (3, "takes a table of from and until here"),
        ({"prefix": "a", "from": 1}, "takes a table of from and until here"),
    ],
)
def test_what_is_no_number_of_clients_is_refused(condition: Any, told: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is compared
        matcher("clients.tenant", Condition.model_validate(condition))
    assert str(refused.value) == told


@each(
    "by, told",
    [
        ("tenant", "of this issuer"),
        ("origin", "that came to be this way"),
        ("owner", "of this owner"),
        ("software_id", "of this software"),
    ],
)
def test_who_is_one_too_many_is_told_so(by: str, told: str) -> None:
    limited = judged_by(statement({"limit": {"by": by, "clients": 2}}, "few"))
    for there in (2, 3):
        made = ruled(limited, here=Circumstances(counts={by: there}))
        assert (made.verdict, made.statements) == ("reject", ("few",))
        assert made.error is not None
        assert made.error.code == "access_denied"
        expected = f"there are 2 clients {told} already, and may be no more"
        assert made.error.description == expected
    other = "tenant" if by == "owner" else "owner"
    for counts in ({by: 1}, {by: 0}, {other: 9}, {}):
        assert ruled(limited, here=Circumstances(counts=counts)).verdict == "accept"


def test_of_what_was_not_counted_there_may_be_none_either() -> None:
    none = judged_by(statement({"limit": {"by": "owner", "clients": 0}}))
    assert ruled(none).verdict == "accept"
    assert ruled(none, here=Circumstances(counts={"owner": 0})).verdict == "reject"


def test_whoever_writes_the_client_is_told_all_limits_that_concern_it() -> None:
    judged = judged_by(
        statement({"limit": {"by": "owner", "clients": 2}}, "a"),
        statement({"limit": {"by": "tenant", "clients": 3}}, "b", client_name="x"),
        statement({"limit": {"by": "tenant", "clients": 4}}, "c"),
        statement(REJECT, "d", client_name="y"),
    )
    made = ruled(judged)
    assert made.quotas == (Quota("a", "owner", 2), Quota("c", "tenant", 4))
    assert made.statements == ()
