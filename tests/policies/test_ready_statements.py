"""Each statement of docs/ready-statements.md does what is said of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from dcrserver.policies.statements.circumstances import Circumstances
from harness.cases import each
from policies.statement_support import judged_by, policy_of, ruled

_PAGE = Path(__file__).parents[2] / "docs/ready-statements.md"
_BLOCK = re.compile(r"```toml\n(.*?)```", re.DOTALL)
READY: dict[str, Any] = {
    statement["name"]: statement
    for block in _BLOCK.findall(_PAGE.read_text("utf-8"))
    for statement in tomllib.loads(block)["policy"]["statements"]
}
NEAR = Circumstances(address="192.0.2.9", now=12 * 3600)
PUBLIC = {"token_endpoint_auth_method": "none"}
SHORT = {"authorization_code_access_token_lifetime": 600, "refresh_token_lifetime": 86400}


def _at(host: str) -> dict[str, Any]:
    return {"redirect_uris": [f"https://{host}/cb"]}


# Statement, what is sent, from where, and what becomes of it: an error, a verdict, or members.
CASES: list[tuple[str, dict[str, Any], Circumstances, Any]] = [
    ("trusted-hosts", _at("app.example.org"), NEAR, {}),
    ("trusted-hosts", _at("evil.example"), NEAR, "invalid_redirect_uri"),
    ("trusted-domains", _at("a.b.example.co.uk"), NEAR, {}),
    ("trusted-domains", _at("example.org"), NEAR, {}),
    ("trusted-domains", _at("localhost"), NEAR, {}),
    ("trusted-domains", _at("evil.co.uk"), NEAR, "invalid_redirect_uri"),
    ("blocked-domains", _at("good.co.uk"), NEAR, {}),
    ("blocked-domains", _at("a.b.evil.co.uk"), NEAR, "invalid_redirect_uri"),
    ("blocked-hosts", _at("good.example"), NEAR, {}),
    ("blocked-hosts", _at("a.EVIL.example"), NEAR, "invalid_redirect_uri"),
    ("blocked-hosts", _at("x.free-hosting.example"), NEAR, "invalid_redirect_uri"),
    ("scopes", {"scope": "openid admin"}, NEAR, {"scope": "openid"}),
    ("grants", {"grant_types": ["authorization_code", "refresh_token"]}, NEAR, {}),
    ("grants", {"grant_types": ["client_credentials"]}, NEAR, "invalid_client_metadata"),
    ("response-types", {"response_types": ["code"]}, NEAR, {}),
    ("response-types", {"response_types": ["code id_token"], "grant_types": [
        "authorization_code", "implicit"]}, NEAR, "invalid_client_metadata"),
    ("methods", PUBLIC, NEAR, {}),
    ("methods", {"token_endpoint_auth_method": "client_secret_post"}, NEAR,
     "invalid_client_metadata"),
    ("algorithms", {"id_token_signed_response_alg": "RS256"}, NEAR,
     {"id_token_signed_response_alg": "ES256"}),
    ("software", {"software_id": "new-client"}, NEAR, {}),
    ("software", {"software_id": "old-client"}, NEAR, "unapproved_software_statement"),
    ("logos", {"logo_uri": "https://www.example.org/l.png"}, NEAR, {}),
    ("logos", {"logo_uri": "https://evil.example/l.png"}, NEAR, "invalid_client_metadata"),
    ("public-with-pkce", PUBLIC, NEAR, {"require_pkce": True}),
    ("public-with-pkce", {}, NEAR, {"require_pkce": None}),
    ("consent", {"skip_consent": True}, NEAR, {"skip_consent": False}),
    ("third-parties", {}, NEAR, {"third_party": True}),
    ("short-lives", {}, NEAR, SHORT),
    ("three-months", {}, NEAR, {}),
    ("contacts", {}, NEAR, "invalid_client_metadata"),
    ("contacts", {"contacts": ["desk@example.org"]}, NEAR, {}),
    ("contacts", PUBLIC, NEAR, {}),
    ("reserved-names", {"client_name": "Official Bank"}, NEAR, "invalid_client_metadata"),
    ("reserved-names", {"client_name": "Unofficial Bank"}, NEAR, {}),
    ("reserved-names", {"client_name": "Support"},
     Circumstances(actors=frozenset({"administrator"})), {}),
    ("addresses", {}, NEAR, {}),
    ("addresses", {}, Circumstances(address="198.51.100.1"), "invalid_client_metadata"),
    ("address-names", {}, Circumstances(names=frozenset({"gate.partner.example"})), {}),
    ("address-names", {}, Circumstances(names=frozenset({"partner.example.evil.example"})),
     "invalid_client_metadata"),
    ("address-names", {}, NEAR, "invalid_client_metadata"),
    ("nights", {}, NEAR, {}),
    ("nights", {}, Circumstances(now=3 * 3600), "hold"),
]  # fmt: skip


@each("name, sent, here, expected", CASES)
def test_a_ready_statement_does_what_is_said_of_it(
    name: str, sent: dict[str, Any], here: Circumstances, expected: Any
) -> None:
    made = ruled(judged_by(READY[name]), here=here, **sent)
    if expected == "hold":
        assert made.verdict == "hold"
    elif isinstance(expected, str):
        assert made.error is not None
        assert made.error.code == expected
        assert made.statements == (name,)
    else:
        assert made.metadata is not None, made.error
        found = {member: made.metadata.members.get(member) for member in expected}
        assert found == expected


def test_each_ready_statement_is_tried_and_all_are_one_policy() -> None:
    assert READY.keys() == {name for name, *_ in CASES}
    policy_of(*READY.values())
    lived = ruled(judged_by(READY["short-lives"]), here=NEAR).expiries
    assert lived == {"secret": 7776000, "registration_access_token": 2592000}
    lived = ruled(judged_by(READY["three-months"]), here=NEAR).expiries
    assert lived == {"client": 7776000}
