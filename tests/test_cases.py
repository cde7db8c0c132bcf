"""Tests of many cases fail when one case does, and tell each that does."""

from __future__ import annotations

import pytest

from harness.cases import each


@each("left", [1, 2])
@each("right, sum_", [(1, 2), (2, 3), (3, 4)])
def adds_up(offset: int, left: int, right: int, sum_: int) -> None:
    if left + right + offset > 4:
        pytest.fail("too much")
    assert left + right + offset == sum_


def test_every_case_that_fails_is_told() -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        adds_up(offset=0)
    assert str(caught.value).startswith("3 of 6 cases fail\n")
    assert [failure.__notes__ for failure in caught.value.exceptions] == [
        ["with left=2, right=1, sum_=2"],
        ["with left=2, right=2, sum_=3"],
        ["with left=2, right=3, sum_=4"],
    ]
    assert "sum_=4: too much" in str(caught.value)


@pytest.fixture
def offset() -> int:
    return 1


@each("number", [1, 2, 3])
def test_fixtures_are_for_all_cases(offset: int, number: int) -> None:
    assert number + offset in {2, 3, 4}


def test_no_case_or_an_argument_that_is_none_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="no case of number"):
        each("number", [])(test_fixtures_are_for_all_cases)
    with pytest.raises(AssertionError, match=r"takes no \{'other'\}"):
        each("other", [1])(test_fixtures_are_for_all_cases)
