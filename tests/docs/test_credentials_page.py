"""The page of credentials names every role, and how others call our scopes."""

from __future__ import annotations

import re
from pathlib import Path

from dcrserver.services.access.scopes import ALIASES, ROLES

_PAGE = (Path(__file__).parent.parent.parent / "docs" / "credentials.md").read_text("utf-8")
_SECTION = _PAGE.partition("## Admin tokens")[2].partition("\n## ")[0]


def test_every_role_is_told() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", _SECTION, re.MULTILINE)) == set(ROLES)


def test_names_of_others_are_told() -> None:
    assert all(f"`{alias}`" in _SECTION for alias in ALIASES)
