"""Step: what targets would make of a registration, beside what it would be here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Literal

from dcrserver.connectors.client import Fate, Objection, WantedClient
from dcrserver.services.provisioning.targets import Target
from dcrserver.strict_json import JsonObject, JsonValue


def with_targets(explanation: JsonObject, tenant: str, targets: Iterable[Target]) -> JsonObject:
    """``explanation``, of ``metadata.explain``, with what the ``targets`` of the tenant say.

    Where a client waits for a target that would choke on it, registering is refused; elsewhere that
    is a warning. ``targets``: of each, which members it drops.
    """
    registration = explanation["registration"]
    if not isinstance(registration, dict):
        return explanation
    told = dict(explanation)
    told["targets"] = views = list[JsonValue]()
    for target in targets:
        told = _judged(told, tenant, target)
        views.append({"connector": target.name, "dropped": _dropped(registration, target)})
    return told


def _judged(told: JsonObject, tenant: str, target: Target) -> JsonObject:
    registration, issues, changes = told["registration"], told["issues"], told["changes"]
    if not isinstance(registration, dict):  # another target refuses it already
        return told
    assert isinstance(issues, list)  # noqa: S101 - as ``explain`` makes it
    assert isinstance(changes, list)  # noqa: S101
    verdict = target.connector.judge(WantedClient(tenant, "preview", registration))
    severity: Literal["error", "warning"] = "error" if target.is_before else "warning"
    issues += [_issue(each, target, severity) for each in verdict.objections]
    issues += [_issue(each, target, "warning") for each in verdict.warnings]
    if verdict.objections and target.is_before:
        return told | {
            "acceptable": False, "error": "invalid_client_metadata", "registration": None,
        }  # fmt: skip
    if target.is_before and verdict.corrections:
        changes += [*_corrected(registration, verdict.corrections, target)]
        kept = registration | dict(verdict.corrections)
        told["registration"] = {name: value for name, value in kept.items() if value is not None}
    return told


def _issue(each: Objection, target: Target, severity: str) -> JsonObject:
    made: JsonObject = {
        "member": each.member,
        "reason": each.text.removeprefix(f"{each.member} "),
        "requirement": f"connectors.{target.name}",
        "specification": f"docs/connectors/{target.connector.kind}.md",
        "severity": severity,
    }
    return made | ({"error": "invalid_client_metadata"} if severity == "error" else {})


def _corrected(
    registration: JsonObject, corrections: Mapping[str, JsonValue], target: Target
) -> Iterable[JsonObject]:
    for name, value in corrections.items():
        made: JsonObject = {
            "member": name,
            "sent": json.loads(json.dumps(registration.get(name))),
            "reason": f"{target.name} would store it otherwise",
        }
        yield made if value is None else made | {"registered": value}


def _dropped(registration: JsonObject, target: Target) -> list[JsonValue]:
    carriage = target.connector.carriage()
    return [
        name
        for name in registration
        if (known := carriage.get(name.partition("#")[0])) is None or known.fate is Fate.DROPPED
    ]
