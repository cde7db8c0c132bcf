"""The page of a connector says of each member what the connector says."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from dcrserver.connectors.client import Carriage
from dcrserver.metadata import PARAMETERS
from docs.pasting import ROOT

_PAGES = ROOT / "docs" / "connectors"
# Where each kind keeps its table.
_CARRIAGES = {
    "hydra": "dcrserver.connectors.hydra.members",
    "rfc7591": "dcrserver.connectors.rfc7591.members",
    "sql": "dcrserver.connectors.sql.table",
}
_ROW = re.compile(r"^\| ((?:`[\w#]+`(?:, )?)+|all others) \| (\w+) \| (.*) \|$", re.MULTILINE)


def _told(page: Path) -> dict[str, tuple[str, str]]:
    rows = [
        (each[1], (each[2], each[3].strip())) for each in _ROW.finditer(page.read_text("utf-8"))
    ]
    (others,) = (said for names, said in rows if names == "all others")
    named = {name: said for names, said in rows for name in re.findall(r"`([^`]+)`", names)}
    return dict.fromkeys(PARAMETERS, others) | named


@pytest.mark.parametrize("kind", _CARRIAGES)
def test_the_table_of_members_is_what_the_connector_says(kind: str) -> None:
    said: dict[str, Carriage] = import_module(_CARRIAGES[kind]).carriage()
    expected = {name: (str(each.fate), each.words) for name, each in said.items()}
    assert _told(_PAGES / f"{kind}.md") == expected
