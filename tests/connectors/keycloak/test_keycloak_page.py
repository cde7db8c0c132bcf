"""The table of docs/connectors/keycloak.md says of each member what the connector says."""

from __future__ import annotations

from pathlib import Path

from dcrserver.connectors.client import Fate
from dcrserver.connectors.keycloak.rows import CARRIAGE

PAGE = Path(__file__).parents[3] / "docs" / "connectors" / "keycloak.md"


def table() -> list[str]:
    """A row for each fate and its words; what is kept in attributes of ours is one row."""
    told: dict[tuple[str, str], list[str]] = {}
    for member, carriage in CARRIAGE.items():
        if carriage.fate is not Fate.STORED:
            told.setdefault((carriage.fate, carriage.words), []).append(f"`{member}`")
    rows = [f"| {', '.join(names)} | {fate} | {words} |" for (fate, words), names in told.items()]
    return [*rows, "| all others | stored | in an attribute of ours, `dcrserver.member.NAME` |"]


def test_the_page_tells_the_fate_of_each_member() -> None:
    page = PAGE.read_text("utf-8").splitlines()
    wanted = table()
    assert [row for row in page if row.startswith(("| `", "| all"))] == wanted
