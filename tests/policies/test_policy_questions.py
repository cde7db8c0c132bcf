"""What a policy knows of itself: what has to be counted, looked up, rotated; what a preset adds."""

from __future__ import annotations

from typing import Any

import pytest

from dcrserver.metadata.redirect_uris import is_named_well
from dcrserver.policies import KNOWN_SCHEMES, Policy, RedirectPolicy
from dcrserver.policies.domains import is_public_suffix, registrable_domain
from dcrserver.policies.presets import PRESETS
from harness.cases import each
from policies.statement_support import policy_of, statement


def counting(*bounds: tuple[str, Any], then: Any = None) -> list[Any]:
    return [
        {"name": f"s{number}", "when": {key: condition}, "then": then or {"hold": True}}
        for number, (key, condition) in enumerate(bounds)
    ]


@each(
    "statements, counts",
    [
        ([], {}),
        (counting(("client_name", "x")), {}),
        (counting(("clients.owner", {"from": 5})), {"owner": 5}),
        (counting(("clients.owner", {"until": 7})), {"owner": 7}),
        (counting(("clients.owner", {"from": 2, "until": 7})), {"owner": 7}),
        (counting(("clients.owner", {"until": 7}), ("clients.owner", {"from": 9})), {"owner": 9}),
        (counting(("clients.owner", {"from": 9}), ("clients.owner", {"until": 7})), {"owner": 9}),
        (
            counting(("clients.tenant", {"until": 3}), ("clients.software_id", {"from": 1})),
            {"tenant": 3, "software_id": 1},
        ),
        (counting(("clients.tenant", {"from": 0})), {"tenant": 0}),
    ],
)
def test_clients_are_counted_only_as_far_as_a_condition_asks(
    statements: list[Any], counts: dict[str, int]
) -> None:
    assert policy_of(*statements).asks_counts == counts
    assert policy_of(*statements).asks_quotas == counts


def test_limits_are_counted_beside_what_conditions_ask() -> None:
    asked = counting(("clients.owner", {"until": 3}), ("clients.tenant", {"until": 3}))
    limits = [
        statement({"limit": {"by": by, "clients": clients}}, f"{by}-{clients}")
        for by, clients in (("owner", 2), ("tenant", 8), ("origin", 0), ("tenant", 7))
    ]
    made = policy_of(*asked, *limits, statement({"hold": True}, "last"))
    assert made.asks_quotas == {"owner": 3, "tenant": 8, "origin": 0}
    assert made.asks_counts == {"owner": 3, "tenant": 3}


@each(
    "document, alone",
    [
        ({}, True),
        ({"statements": [statement(client_name="x")]}, True),
        ({"statements": [statement(address="192.0.2.1")]}, True),
        ({"statements_mode": "allowed"}, False),
        ({"statements_mode": "required"}, False),
        ({"mtls": {"registration_certificate": True}}, False),
        ({"statements": counting(("clients.owner", {"until": 3}))}, False),
        ({"statements": counting(("address.host", "a.example"))}, False),
        ({"statements": counting(("address.domain", "a.example"))}, False),
    ],
)
def test_what_is_counted_or_looked_up_is_not_in_the_body(
    document: dict[str, Any], *, alone: bool
) -> None:
    assert policy_of(*document.pop("statements", ()), **document).by_body_alone is alone


def test_what_a_preset_asks_for_holds_where_the_server_has_it() -> None:
    plain = Policy.model_validate({"preset": "open-banking-uk"})
    assert plain.where(issuers=False, certificates=False) is plain
    stated = plain.where(issuers=True, certificates=False)
    assert (stated.statements_mode, stated.mtls.registration_certificate) == ("required", False)
    both = plain.where(issuers=True, certificates=True)
    assert both.statements_mode == "required"
    asked = PRESETS["open-banking-uk"].with_certificates
    assert both.mtls.registration_certificate is bool(asked)
    assert plain.where(issuers=True, certificates=True) is both
    assert plain.statements_mode == "ignored"
    default = Policy()
    assert default.where(issuers=True, certificates=True) is default


def test_what_was_set_is_not_set_by_what_a_preset_asks_for() -> None:
    preset = "open-finance-brasil"
    mtls = {"stray_subject_params": "ignore"}
    other = Policy.model_validate({"preset": preset, "mtls": mtls})
    made = other.where(issuers=False, certificates=True)
    assert made.mtls.registration_certificate
    assert made.mtls.stray_subject_params == "ignore"
    assert made.statements_mode == "ignored"
    mode = Policy.model_validate({"preset": preset, "statements_mode": "allowed"})
    assert mode.where(issuers=True, certificates=True).statements_mode == "allowed"
    off = {"registration_certificate": False}
    never = Policy.model_validate({"preset": preset, "mtls": off})
    made = never.where(issuers=True, certificates=True)
    assert not made.mtls.registration_certificate
    assert made.statements_mode == "required"


@each(
    "choice, on_read, on_update",
    [("never", False, False), ("on_update", False, True), ("on_read", True, True)],
)
def test_a_token_is_rotated_when_the_policy_says(
    choice: str, *, on_read: bool, on_update: bool
) -> None:
    chosen = {"registration_access_token_rotation": choice}
    management = Policy.model_validate({"management": chosen}).management
    assert (management.rotates_on_read, management.rotates_on_update) == (on_read, on_update)


def test_schemes_of_programs_in_use_are_known() -> None:
    schemes = {
        "claude", "cursor", "raycast", "vscode", "vscode-insiders", "warp", "windsurf", "zed",
    }  # fmt: skip
    assert schemes == KNOWN_SCHEMES
    any_of_public = RedirectPolicy(undotted_schemes="any")
    assert all(is_named_well(each, any_of_public, anybody=False) for each in schemes)
    assert not is_named_well("other", any_of_public, anybody=False)


@each(
    "host, domain",
    [
        ("a.b.example.co.uk", "example.co.uk"),
        ("example.com", "example.com"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
        ("192.0.2.17", "192.0.2.17"),
        ("2001:db8::a", "2001:db8::a"),
        ("2001:db8::1", "2001:db8::1"),
        ("a1.example2.com", "example2.com"),
    ],
)
def test_who_registered_a_name_is_told_by_the_public_suffix_list(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


@each("host, anybodys", [("co.uk", True), ("example.co.uk", False), ("internal", False)])
def test_names_below_a_public_suffix_are_anybodys(host: str, *, anybodys: bool) -> None:
    assert is_public_suffix(host) is anybodys


def test_a_preset_that_there_is_not_is_told_as_one() -> None:
    with pytest.raises(ValueError, match="preset"):
        Policy.model_validate({"preset": "none"})
    with pytest.raises(ValueError, match="Input should be a valid dictionary"):
        Policy.model_validate("mcp")
