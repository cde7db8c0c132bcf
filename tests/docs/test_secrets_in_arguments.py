"""No page shows a credential among the arguments of a program, which everybody can read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = [_ROOT / "README.md", *sorted((_ROOT / "docs").rglob("*.md"))]
# A header, a user and password, or a form's secret, whose value is filled in by the shell.
_SHOWN = re.compile(
    r"""-H\s*["'][^"']*(?:Bearer|Basic)\s+\$|\s(?:-u|--user)\s+"?\$|-d\s*"?(?:client_secret|token)=\$"""
)


@pytest.mark.parametrize("told", [
    'curl -H "Authorization: Bearer $TOKEN" x', "curl -u $ID:$SECRET x",
    'curl -d "client_secret=$S" x',
])  # fmt: skip
def test_what_would_be_seen_is_recognized(told: str) -> None:
    assert _SHOWN.search(told)


def test_no_page_shows_a_credential_among_arguments() -> None:
    found = [
        f"{page.relative_to(_ROOT)}:{number}: {line.strip()}"
        for page in _PAGES
        for number, line in enumerate(page.read_text("utf-8").splitlines(), 1)
        if _SHOWN.search(line)
    ]
    assert not found, found
