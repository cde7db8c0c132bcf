"""The operator's choices: what cannot be chosen."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dcrserver.metadata import Policy
from dcrserver.policies.switches.group import Group
from harness.cases import each


def test_without_configuration_each_choice_has_its_default() -> None:
    assert Policy.model_validate({}) == Policy()


@each(
    "group",
    [
        field.alias or name
        for name, field in Policy.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group)
    ],
)
def test_misspelt_choices_are_refused(group: str) -> None:
    Policy.model_validate({group: {}})
    for wrong in ({group: {"no_such_choice": True}}, {f"{group}s_": {}}):
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            Policy.model_validate(wrong)


@each(
    "group, choices",
    [
        ("redirect", {"max_count": 0}),
        ("redirect", {"max_length": 0}),
        ("registration", {"max_body_bytes": 1023}),
        ("registration", {"max_body_bytes": 4194305}),
        ("registration", {"client_supplied_credentials": "accept"}),
        ("json", {"max_depth": 3}),
        ("json", {"max_depth": 201}),
        ("json", {"max_members": 15}),
        ("text", {"max_length": 0}),
        ("array", {"max_count": 0}),
        ("grants", {"unsupported": "accept"}),
        ("algorithms", {"unsupported": "accept"}),
        ("scope", {"unknown": "accept"}),
        ("jwks", {"max_keys": 0}),
        ("jwks", {"min_rsa_bits": 2047}),  # RFC 7518 3.3
    ],
)
def test_choices_that_would_break_the_server_are_refused(
    group: str, choices: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate({group: choices})


def test_choices_are_made_once() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Policy().jwks.max_keys = 1  # type: ignore[misc]
