"""docs/telemetry.md, and the rules and the dashboard of docs/deploy, beside a server that runs."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from docs.pasting import ROOT
from harness.process import serving
from harness.programs import program

PAGE = (ROOT / "docs" / "telemetry.md").read_text("utf-8")
LISTED = set(re.findall(r"^\| `((?:dcrserver|process)_\w+)` \|", PAGE, re.MULTILINE))
RULES = ROOT / "docs" / "deploy" / "alerts.yml"
DASHBOARD = ROOT / "docs" / "deploy" / "grafana.json"
# A name in an expression; of a histogram only the name of its buckets.
_USED = re.compile(r"\b((?:dcrserver|process)_\w+?)(?:_bucket)?\{")


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> str:
    with serving(tmp_path_factory.mktemp("telemetry")) as server:
        httpx.get(f"{server.base_url}/healthz", trust_env=False)
        return httpx.get(f"{server.base_url}/metrics", trust_env=False).text


def test_the_page_lists_what_a_server_says(scraped: str) -> None:
    """SQLite, beneath this server, has no connections to count."""
    said = set(re.findall(r"^# TYPE (\w+) ", scraped, re.MULTILINE))
    assert said <= LISTED
    assert LISTED - said == {
        "dcrserver_database_connections", "dcrserver_database_connections_max",
    }  # fmt: skip


@pytest.mark.parametrize("file", [RULES, DASHBOARD], ids=lambda file: file.name)
def test_every_metric_that_is_used_exists(file: Path) -> None:
    used = set(_USED.findall(file.read_text("utf-8").replace("\\", "")))
    assert used
    assert used <= LISTED


def test_every_label_that_is_used_exists() -> None:
    """In the braces, and in ``by (...)``; the first two are Prometheus' own."""
    rows = re.findall(r"^\| `\w+` \| \w+ \| ([^|]*) \|", PAGE, re.MULTILINE)
    labels = {"job", "instance", "le"}.union(*(re.findall(r"`(\w+)`", row) for row in rows))
    texts = [RULES.read_text("utf-8"), DASHBOARD.read_text("utf-8").replace("\\", "")]
    used = {
        each.strip()
        for text in texts
        for found in re.findall(r"by \(([^)]*)\)", text) + re.findall(r"(\w+)=~?\"", text)
        for each in found.split(",")
    }
    assert used - labels == set()


def test_prometheus_understands_the_rules() -> None:
    done = subprocess.run(
        [program("promtool"), "check", "rules", str(RULES)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    made = json.loads(DASHBOARD.read_text("utf-8"))
    panels = made["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert all(panel["targets"] and panel["title"] for panel in panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
