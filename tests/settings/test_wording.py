"""What people read of a value that is wrong: our words, and none of what was sent."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dcrserver.settings.wording import in_our_words


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    flag: bool = False
    number: int = Field(default=0, ge=1)
    text: str = Field(default="ab", min_length=2, max_length=3, pattern="^[a-z]+$")
    many: tuple[str, ...] = Field(default=("a",), min_length=1, max_length=2)
    inner: dict[str, tuple[str, ...]] = {}
    own: str = ""

    @field_validator("own")
    @classmethod
    def _own(cls, _: str) -> str:
        raise ValueError("is not ours")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"flag": 5}, "must be true or false"),
        ({"number": "5"}, "must be a whole number"),
        ({"number": 0}, "must be greater than or equal to 1"),
        ({"text": 5}, "must be a text"),
        ({"text": "a"}, "must have at least 2 characters"),
        ({"text": "abcd"}, "must have at most 3 characters"),
        ({"text": "AB"}, "must match ^[a-z]+$"),
        ({"many": ()}, "must have at least 1 element"),
        ({"many": ("a", "b", "c")}, "must have at most 2 elements"),
        ({"inner": {"a": "b"}}, 'must be a list such as ["a"]'),
        ({"inner": 5}, 'must be an object such as {"a": "b"}'),
        ({"own": "x"}, "is not ours"),
        ({"other": "x"}, "is not known here"),
    ],
)
def test_what_is_wrong_is_told_in_words_about_the_value(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _Model.model_validate(given)
    assert [in_our_words(each) for each in caught.value.errors()] == [told]
