"""docs/policy.md: its example is a policy, and does what it says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from dcrserver.settings.stored import policy
from harness.cases import each
from policies.statement_support import judged_by, ruled

_PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text("utf-8")
_EXAMPLE = tomllib.loads("\n".join(re.findall(r"```toml\n(.*?)```", _PAGE, re.DOTALL)))["policy"]
_GOOD = {"redirect_uris": ["https://app.example.org/cb"], "contacts": ["a@example.org"]}


def test_the_example_is_a_policy() -> None:
    assert len(policy(_EXAMPLE, {}).statements) == len(_EXAMPLE["statements"])


@each(
    "sent, decided",
    [
        ({}, ("accept", "three-months")),
        ({"redirect_uris": ["https://evil.example/cb"]}, ("reject", "our-hosts")),
        ({"scope": "openid email"}, ("accept", "scopes", "three-months")),
        ({"grant_types": ["authorization_code", "client_credentials"]}, ("reject", "no-passwords")),
        ({"contacts": []}, ("reject", "contacts")),
        (
            {"contacts": [], "token_endpoint_auth_method": "none"},
            ("accept", "public", "three-months"),
        ),
    ],
)
def test_the_example_does_what_it_says(sent: dict[str, object], decided: tuple[str, ...]) -> None:
    found = ruled(judged_by(*_EXAMPLE["statements"]), {**_GOOD, **sent})  # type: ignore[dict-item]
    assert (found.verdict, *found.statements) == decided
