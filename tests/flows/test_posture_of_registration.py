"""How open registration is: each finding is there by what makes it, and gone by what ends it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver import posture
from dcrserver.cli.administration.answers.posture import posture_of
from dcrserver.policies.presets import PRESETS
from dcrserver.posture import ALL, OF_REGISTRATION, Severity
from dcrserver.server_metadata import MEMBERS
from dcrserver.settings.catalogue import named_sections, sections
from flows.test_admin_tenants import administrator as administrator_of
from harness.administration import administrator
from harness.application import Application
from harness.commands import Commands
from harness.statements import entry

HOSTS = {"name": "hosts", "then": {"restrict": {"redirect_uris.host": ["*.example.org"]}}}
GRANTS = {"name": "grants", "then": {"restrict": {"grant_types": ["authorization_code"]}}}
HELD = {"name": "held", "when": {"origin": "open"}, "then": {"hold": True}}
ELSEWHERE = {"name": "office", "when": {"address": {"not": "192.0.2.0/24"}},
             "then": {"reject": {}}}  # fmt: skip
REFUSED = {"name": "refused", "when": {"actor": "anonymous"}, "then": {"reject": {}}}
NAMED_NETWORK = {"name": "network", "when": {"address.host": {"not": "*.example.org"}},
                 "then": {"hold": True}}  # fmt: skip
DOMAINS = {"name": "domains", "when": {"redirect_uris.domain": {"not": ["example.org"]}},
           "then": {"reject": {}}}  # fmt: skip
LIMITED = {"name": "limited", "then": {"limit": {"by": "tenant", "clients": 100}}}
NO_MACHINES = {"name": "no-machines", "when": {"grant_types": "client_credentials"},
               "then": {"reject": {}}}  # fmt: skip
FORCED = {"name": "forced", "then": {"force": {"grant_types": ["authorization_code"]}}}
CONSENT = {"name": "consent", "then": {"require_consent": True}}
STRANGERS = {"name": "strangers", "when": {"origin": "open"}, "then": {"first_party": False}}
EXPIRING = {"name": "expiring", "when": {"origin": "open"},
            "then": {"expire": {"secret": 60, "registration_access_token": 60}}}  # fmt: skip
EXPIRING_SECRETS = {"name": "expiring", "when": {"token_endpoint_auth_method": {"not": "none"}},
                    "then": {"expire": {"secret": 60}}}  # fmt: skip
EXPIRING_SOME = {"name": "expiring", "when": {"token_endpoint_auth_method": "client_secret_basic"},
                 "then": {"expire": {"secret": 60, "access_token": 60}}}  # fmt: skip
# Statements that refuse or hold, and not everybody who comes openly.
CLOSING_NOTHING: list[Any] = [
    {"name": f"closes-nothing-{number}", "when": when, "then": {"reject": {}}}
    for number, when in enumerate([
        {"origin": "administrator"}, {"origin": ["import", "update"]}, {"actor": "client"},
        {"tenant": {"not": "default"}}, {"hour": {"from": 22, "until": 6}},
        {"day": ["saturday", "sunday"]}, {"clients.tenant": {"from": 9}},
        {"address": "192.0.2.0/24"}, {"address.host": "*.evil.example"},
        {"origin": "open", "client_name": {"not": "Secret Word"}},
        {"software_id": {"not": ["anybody-says-so"]}},
        {"redirect_uris.host": ["*.evil.example"]},
        {"client_uri.host": {"not": ["*.example.org"]}},
    ])
]  # fmt: skip
# Statements about redirect URIs that keep others to them, or clients that are of another kind.
OF_OTHERS: list[Any] = [
    {"name": "of-administrators", "when": {"origin": "administrator"},
     "then": {"restrict": {"redirect_uris.host": ["*.example.org"]}}},
    {"name": "of-public-ones", "when": {"token_endpoint_auth_method": "none",
     "redirect_uris.host": {"not": ["*.example.org"]}}, "then": {"reject": {}}},
    {"name": "asked-for", "then": {"require": ["redirect_uris", "contacts"]}},
    {"name": "tagged", "when": {"redirect_uris.host": {"not": ["*.example.org"]}},
     "then": {"tag": ["foreign"]}},
]  # fmt: skip
CLOSED: dict[str, Any] = {"registration": {"mode": "protected"}}
REQUIRED: dict[str, Any] = {"policy": {"statements_mode": "required"}}
VOUCHED: dict[str, Any] = {"policy": {"statements_mode": "allowed", "statements": [
    {"name": "vouched", "when": {"statement.iss": {"not": "https://ss-issuer.example"}},
     "then": {"reject": {"error": "invalid_software_statement"}}}]}}  # fmt: skip
TOKEN = "adm_" + "x1" * 20


def of(*keys: str, value: Any) -> dict[str, Any]:
    """Settings in which the key below the policy is ``value``."""
    made: Any = value
    for key in reversed(("policy", *keys)):
        made = {key: made}
    return dict(made)


def statements(*each: Any) -> dict[str, Any]:
    return of("statements", value=[*each])


# By finding: settings with which it is there, and all of those with which it is not.
FOUND: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "registration_open": (
        statements(GRANTS, *CLOSING_NOTHING),
        [CLOSED, REQUIRED, statements(HELD), statements(REFUSED), statements(ELSEWHERE),
         statements(NAMED_NETWORK), VOUCHED],
    ),
    "registration_unlimited": (
        {"rate_limits": {"enabled": False}},
        [
            {}, CLOSED | {"rate_limits": {"enabled": False}},
            {"rate_limits": {"enabled": True, "open_registration": "", "registration": ""}},
            statements(LIMITED) | {"rate_limits": {"enabled": False}},
            statements(REFUSED) | {"rate_limits": {"enabled": False}},
        ],
    ),
    "redirect_uris_anywhere": (
        statements(GRANTS, ELSEWHERE, *CLOSING_NOTHING, *OF_OTHERS),
        [CLOSED, REQUIRED, statements(HOSTS), statements(HELD), statements(DOMAINS), VOUCHED],
    ),
    "redirect_uris_on_the_local_machine": (
        {}, [CLOSED, statements(HOSTS), of("redirect", "https_only", value=True)],
    ),
    "redirect_uris_of_any_scheme": (
        of("redirect", "undotted_schemes", value="any"),
        [{}, of("redirect", value={"undotted_schemes": "any", "https_only": True})],
    ),
    "redirect_uris_with_user_information": (of("redirect", "allow_userinfo", value=True), [{}]),
    "redirect_uris_of_addresses": (of("redirect", "ip_literal_https", value=True), [{}]),
    "implicit_grant": (of("grants", "implicit", value=True), [{}]),
    "password_grant": (of("grants", "password", value=True), [{}]),
    "machines_of_anybody": (
        {},
        [
            CLOSED, statements(GRANTS), statements(HELD), statements(NO_MACHINES),
            statements(FORCED),
            {"authorization_server": {"grant_types_supported": ["authorization_code"]}},
        ],
    ),
    "scopes_of_anybody": (
        of("preset", value="mcp"),
        [{}, of("preset", value="mcp") | {"authorization_server": {"scopes_supported": ["a"]}}],
    ),
    "administrators_members_of_anybody": (
        of("extensions", "self_service", value=["skip_consent"]),
        [
            {}, of("extensions", "self_service", value=["audience"]),
            of(value={"extensions": {"self_service": ["skip_consent", "third_party"]},
                      "statements": [CONSENT, STRANGERS]}),
        ],
    ),
    "names_unprotected": ({}, [CLOSED, of("protected_names", value=[{"name": "Claude"}])]),
    "mixed_scripts": ({}, [CLOSED, of("text", "mixed_scripts", value="reject")]),
    "foreign_pages": (
        {},
        [
            CLOSED, of("uris", "foreign_domain", value="reject"),
            of("uris", "same_host", value=True),
        ],
    ),
    "pages_without_tls": (of("uris", "require_https_display", value=False), [{}]),
    "logout_without_tls": (of("logout", "http_for_confidential", value=True), [{}]),
    "secrets_without_end": (
        statements(EXPIRING_SOME),
        [CLOSED, of("secrets", "lifetime", value=86400), statements(EXPIRING), statements(
            EXPIRING_SECRETS)],
    ),
    "registration_tokens_without_end": (
        statements(EXPIRING_SECRETS),
        [
            CLOSED, of("management", "registration_access_token_lifetime", value=86400),
            statements(EXPIRING),
        ],
    ),
    "registration_tokens_not_rotated": (
        of("management", "registration_access_token_rotation", value="never"), [{}],
    ),
    "unsigned_id_tokens": (of("id_token", "allow_none", value=True), [{}]),
    "no_pkce": (
        {"authorization_server": {"code_challenge_methods_supported": ["plain"]}},
        [
            {},
            {"authorization_server": {"code_challenge_methods_supported": ["plain"],
             "token_endpoint_auth_methods_supported": ["client_secret_basic"]}},
        ],
    ),
    "assertions_for_anybody": (of("authentication", "assertion_audience", value="any"), [{}]),
    "keys_unread": ({}, [CLOSED, of("jwks", "eager_fetch", value=True)]),
    "software_statements_optional": (
        of("statements_mode", value="allowed"), [{}, of("statements_mode", value="required")],
    ),
    "registration_from_any_page": ({}, [CLOSED, of("cors", "enabled", value=False)]),
    "bootstrap_token_left": ({"admin": {"bootstrap_token": TOKEN}}, [{}]),
}  # fmt: skip
# What is found below info, by preset, beside what all have of an open server without settings.
EVERYWHERE = {
    "tokens_for_any_resource", "redirect_uris_anywhere", "machines_of_anybody",
    "names_unprotected", "registration_open",
}  # fmt: skip
OF_PRESETS = {
    "default": {"secrets_without_end"},
    "oidc": {"secrets_without_end"},
    "mcp": {"secrets_without_end", "redirect_uris_of_any_scheme", "scopes_of_anybody"},
    "fapi1-advanced": set(),
    "fapi2": set(),
    "open-banking-uk": set(),
    "open-finance-brasil": {"registration_tokens_not_rotated"},
}


async def found(make_app: MakeApplication, tmp_path: Path, **groups: Any) -> dict[str, Any]:
    if "statements_mode" in groups.get("policy", {}):
        groups |= {"software_statements": [entry(tmp_path)]}
    app = await make_app(**{"rate_limits": {"enabled": True}} | groups)
    here = app.runtime
    told: Any = posture.posture(here.settings, here.default_tenant, here.limiter, of_server=True)
    return {each["id"]: each for each in told["findings"]}


def test_each_finding_has_a_test_and_a_setting_that_there_is() -> None:
    assert FOUND.keys() == {check.name for check in OF_REGISTRATION}
    names = [check.name for check in ALL]
    assert len(names) == len({*names})
    keys = {section.path.strip("[]") for section in (*sections(), *named_sections())}
    for section in (*sections(), *named_sections()):
        keys |= {f"{section.path}.{name}".strip("[].") for name in section.fields}
    keys |= {f"authorization_server.{name}" for name in MEMBERS}
    assert {check.setting for check in ALL} - keys == set()


@pytest.mark.finding("S29")
@pytest.mark.parametrize("name", FOUND)
async def test_what_is_found_and_what_ends_it(
    make_app: MakeApplication, tmp_path: Path, name: str
) -> None:
    there, gone = FOUND[name]
    told = await found(make_app, tmp_path, **there)
    assert told[name].keys() == {"id", "severity", "reason", "setting"}
    for groups in gone:
        assert name not in await found(make_app, tmp_path, **groups), groups


@pytest.mark.finding("S29")
@pytest.mark.parametrize("preset", PRESETS)
async def test_what_is_found_of_a_preset(
    make_app: MakeApplication, tmp_path: Path, preset: str
) -> None:
    told = await found(make_app, tmp_path, policy={"preset": preset})
    worse = {name for name, each in told.items() if each["severity"] != "info"}
    assert worse == EVERYWHERE | OF_PRESETS[preset]


async def test_nothing_is_found_of_what_is_closed_everywhere(
    make_app: MakeApplication, tmp_path: Path
) -> None:
    quiet = {"tokens": {"resources": ["https://api.example.com"]}}
    assert await found(make_app, tmp_path, **CLOSED, **quiet) == {}


@pytest.fixture
async def app(make_app: MakeApplication) -> Application:
    return await make_app(tenants={"acme": {"mode": "closed"}}, admin={"bootstrap_token": TOKEN})


async def test_administrators_are_told_the_worst_first(app: Application) -> None:
    admin = await administrator_of(app, "policies:read")
    told = await admin.ask("GET", "/admin/v1/posture", 200)
    order = [Severity[each["severity"].upper()] for each in told["findings"]]
    assert order == sorted(order, reverse=True)
    assert (told["tenant"], told["worst"]) == ("default", told["findings"][0]["severity"])
    names = {each["id"] for each in told["findings"]}
    assert {"bootstrap_token_left", "registration_open"} <= names
    other = await admin.ask("GET", "/admin/v1/posture?tenant=acme", 200)
    assert other["tenant"] == "acme"
    assert "registration_open" not in {each["id"] for each in other["findings"]}


async def test_the_command_tells_what_the_api_tells(app: Application) -> None:
    """One shape: the list of a command is that of ``findings``."""
    admin = await administrator_of(app, "policies:read")
    told = await admin.ask("GET", "/admin/v1/posture", 200)
    here = await posture_of(app.runtime.settings, app.runtime.default_tenant)
    assert told["findings"] == here["findings"]
    for each in told["findings"]:
        assert each.keys() == {"id", "severity", "reason", "setting"}


async def test_those_of_one_tenant_are_told_of_it_alone(app: Application) -> None:
    admin = await administrator(app, "policies:read")
    told = await admin.get("/posture")
    names = {each["id"] for each in told["findings"]}
    assert "registration_open" in names
    assert names.isdisjoint(check.name for check in ALL if check.of_server)


def test_the_command_tells_the_worst_by_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also before there is a database, as where a configuration is tried."""
    run = Commands(monkeypatch, capsys, f"sqlite:///{tmp_path}/none.db")
    monkeypatch.chdir(tmp_path)

    def told(status: int, **groups: Any) -> Any:
        for name, value in groups.items():
            monkeypatch.setenv(name, value)
        return json.loads(run.both("policy", "posture", "--json", status=status).out)

    assert told(5)[0].keys() == {"id", "severity", "reason", "setting"}
    assert json.loads(run.both("policy", "posture", status=5).out) == told(5), "also in a pipe"
    assert told(6, DCR_SERVER__BASE_URL="http://auth.example.com")[0]["severity"] == "critical"
    quiet = {
        "DCR_SERVER__BASE_URL": "https://auth.example.com",
        "DCR_REGISTRATION__MODE": "protected",
        "DCR_TOKENS__RESOURCES": '["https://api.example.com"]',
    }
    assert told(0, **quiet) == []
    assert told(3, DCR_ADMIN__BOOTSTRAP_TOKEN=TOKEN)[0]["id"] == "bootstrap_token_left"
    assert told(4, DCR_POLICY__GRANTS__IMPLICIT="true")[0]["id"] == "implicit_grant"
    assert (
        "there is no such tenant"
        in run.both("policy", "posture", "--tenant", "nobody", status=1).err
    )
    assert not (tmp_path / "none.db").exists()
