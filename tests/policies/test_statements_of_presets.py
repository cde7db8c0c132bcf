"""Statements of a preset come first, those of the operator after them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dcrserver.policies import presets
from dcrserver.policies.statements.grammar import Statement
from dcrserver.settings.stored import BadDocument, policy
from policies.statement_support import REJECT, policy_of, statement


@pytest.fixture(autouse=True)
def _preset_with_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Statement.model_validate(statement({"require": ["contacts"]}, "preset"))
    made = replace(presets.PRESETS["mcp"], statements=(first,))
    monkeypatch.setitem(presets.PRESETS, "mcp", made)  # type: ignore[arg-type]


def test_they_come_first_and_are_there_once() -> None:
    own = statement({"tag": ["x"]}, "own")
    made = policy_of(own, preset="mcp")
    assert [each.name for each in made.statements] == ["preset", "own"]
    assert [each.name for each in policy({"preset": "mcp"}, {}).statements] == ["preset"]
    assert policy({}, {}).statements == ()
    shown = made.model_dump(mode="json", by_alias=True)
    assert policy(shown, {}).statements == made.statements


def test_a_name_that_the_preset_has_is_refused_where_it_was_written() -> None:
    for own, place in (
        (statement({"tag": ["x"]}, "preset"), "/statements/0/name"),
        (statement({"remove": ["contacts"]}, "own"), "/statements/0/then/remove/contacts"),
        (statement(REJECT, "own", clientname="x"), "/statements/0/when/clientname"),
    ):
        with pytest.raises(BadDocument) as refused:
            policy_of(own, preset="mcp")
        assert [each.pointer for each in refused.value.problems] == [place]
