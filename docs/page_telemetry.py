"""The text of docs/telemetry.md: every metric and every log event, as the source has them."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcrserver import posture

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "dcrserver"
MEANINGS = Path(__file__).parent / "log_events.toml"

HEAD = """# Metrics and log events

Made by `python docs/make.py` from the source and `docs/log_events.toml`; `make check` fails when it
is not fresh. How to work with them: [operations.md](operations.md).

## Metrics

`GET /metrics`, in the text format of Prometheus; at the root only, never below a tenant. With
several workers one scrape is the sum of all.

| metric | type | labels | meaning |
|---|---|---|---|"""

LOG = """
## Log events

One JSON object a line on stderr (`telemetry.format`). Each has `event`, `level`, `timestamp` (UTC)
and, while a request is answered, its `request_id`, which the caller finds in the header
`X-Request-Id`. Secrets are masked. Lines of libraries have a sentence as their `event`.

| event | level | further members | meaning | what to do |
|---|---|---|---|---|"""

FINDINGS = """
## Findings

Logged at the start as warnings, with `text` and what they are about; `dcrserver config check`
prints them, too. Each is a configuration that works, but not as one would want it in production.

| event | meaning |
|---|---|"""

_KINDS = {"counter": "counter", "tally": "counter", "gauge": "gauge"}
_LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error",
           "exception": "error"}  # fmt: skip


@dataclass(frozen=True)
class Metric:
    name: str
    kind: str
    meaning: str
    labels: tuple[str, ...]


@dataclass
class Event:
    level: str
    members: dict[str, None]
    place: str


def text() -> str:
    """The page.

    Raises:
        SystemExit: an event without a row, or a row without an event.
    """
    found, meanings = events(), tomllib.loads(MEANINGS.read_text("utf-8"))
    _check(found, meanings)
    return "\n".join([HEAD, *_metric_rows(), LOG, *_event_rows(found, meanings), FINDINGS,
                      *_finding_rows(), ""])  # fmt: skip


def metrics() -> list[Metric]:
    """Every row of a metric, by name."""
    return sorted(
        (metric for _, call in _calls() for metric in _metric(call)), key=lambda each: each.name
    )


def events() -> dict[str, Event]:
    """Every event that is logged under a name of its own."""
    found: dict[str, Event] = {}
    for place, call in _calls():
        if not _is_logged(call) or not isinstance(call.args[0], ast.Constant):
            continue  # the names of findings are data: posture
        level = _LEVELS[call.func.attr]  # type: ignore[attr-defined]
        event = found.setdefault(str(call.args[0].value), Event(level, {}, place))
        event.members |= {each.arg: None for each in call.keywords if each.arg}
        event.members |= {"exception": None} if _has_trace(call) else {}
    return dict(sorted(found.items()))


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node


def _metric(call: ast.Call) -> Iterator[Metric]:
    if isinstance(call.func, ast.Name) and call.func.id == "Row" and _texts(call, 3):
        name, kind, meaning = _texts(call, 3)
        yield Metric(name, kind, meaning, _labels(call))
    elif isinstance(call.func, ast.Attribute) and call.func.attr in _KINDS and _texts(call, 2):
        name, meaning = _texts(call, 2)
        yield Metric(name, _KINDS[call.func.attr], meaning, _labels(call))


def _texts(call: ast.Call, count: int) -> list[str]:
    """The first ``count`` arguments, if they are texts."""
    first = [each.value for each in call.args[:count] if isinstance(each, ast.Constant)]
    return [str(each) for each in first] if len(first) == count else []


def _labels(call: ast.Call) -> tuple[str, ...]:
    given = [*call.args, *(each.value for each in call.keywords if each.arg == "labels")]
    for each in given:
        if isinstance(each, ast.Tuple) and each.elts:
            return tuple(ast.literal_eval(each))
    return ()


def _is_logged(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr in _LEVELS
        and ast.unparse(call.func.value) in {"_log", "self._log", "log"}
        and bool(call.args)
    )


def _has_trace(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "exception"


def _metric_rows() -> Iterator[str]:
    for each in metrics():
        labels = ", ".join(f"`{label}`" for label in each.labels)
        yield f"| `{each.name}` | {each.kind} | {labels} | {each.meaning} |"


def _event_rows(
    found: Mapping[str, Event], meanings: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    for name, event in found.items():
        members = ", ".join(f"`{member}`" for member in event.members)
        row = meanings[name]
        yield f"| `{name}` | {event.level} | {members} | {row['meaning']} | {row['do']} |"


def _finding_rows() -> Iterator[str]:
    for name, meaning in posture.NAMES.items():
        yield f"| `{name}` | {meaning} |"


def _check(found: Mapping[str, Event], meanings: Mapping[str, Any]) -> None:
    problems: Sequence[str] = [
        f"docs/log_events.toml: add a row [{name}] for what {event.place} logs"
        for name, event in found.items()
        if name not in meanings
    ] + [f"docs/log_events.toml: nothing logs {name}" for name in meanings if name not in found]
    if problems:
        sys.exit("\n".join(problems))
