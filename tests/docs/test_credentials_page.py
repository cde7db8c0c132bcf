"""The page of credentials names every scope and role, as the program knows them."""

from __future__ import annotations

import re
from pathlib import Path

from dcrserver.services.access.scopes import ALIASES, ROLES, SCOPES

_PAGE = (Path(__file__).parent.parent.parent / "docs" / "credentials.md").read_text("utf-8")
_SECTION = _PAGE.partition("## Admin tokens")[2].partition("\n## ")[0]


def test_every_scope_is_told_in_its_words() -> None:
    told = dict(re.findall(r"^\| `([a-z]+:[a-z]+)` \| (.+) \|$", _SECTION, re.MULTILINE))
    assert told == dict(SCOPES)
    assert all(f"`{alias}`" in _SECTION for alias in ALIASES)


def test_every_role_is_told_with_its_scopes() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (.+) \|$", _SECTION, re.MULTILINE)
    told = {role: tuple(re.findall(r"`([^`]+)`", scopes)) for role, scopes in rows}
    assert told.keys() == ROLES.keys()
    but = told.pop("administrator")
    assert set(SCOPES) - set(but) == set(ROLES["administrator"])
    assert told == {role: scopes for role, scopes in ROLES.items() if role != "administrator"}
