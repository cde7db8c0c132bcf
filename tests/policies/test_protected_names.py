"""Protected names of a policy: who may bear them, and what is wrong with a list of them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from dcrserver.metadata import validate
from dcrserver.metadata.preview import explain
from dcrserver.metadata.statements import ruling
from dcrserver.policies.statements.conditions import Circumstances
from dcrserver.settings.stored import BadDocument
from dcrserver.settings.stored import policy as checked
from dcrserver.strict_json import JsonObject
from harness.cases import each
from metadata.support import terms
from policies.statement_support import judged_by, ruled, statement

CLAUDE = {"name": "Claude", "hosts": ["claude.ai", "*.claude.ai"]}
GITHUB = {"name": "GitHub", "hosts": ["github.com"]}
EVIL = "https://evil.example/cb"
GOOD = "https://claude.ai/cb"
CIBA = "urn:openid:params:grant-type:ciba"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def told(*redirect_uris: str, names: Any = (CLAUDE, GITHUB), **more: Any) -> str | None:
    """Why such a client is refused."""
    grants = ["authorization_code", "client_credentials", DEVICE, CIBA]
    judged = judged_by(protected_names=[*names], supported={"grant_types_supported": grants})
    sent: JsonObject = {"redirect_uris": [*redirect_uris], "client_name": "Claude"}
    made = ruled(judged, sent | more)
    assert (made.error is None) is (made.verdict == "accept")
    if made.error is None:
        return None
    assert made.statements == ("protected_names",)
    assert made.error.code == "invalid_client_metadata"
    return made.error.description


@pytest.mark.finding("N1")
@each(
    "redirect_uri, may",
    [
        (GOOD, True),
        ("https://CLAUDE.ai:8443/cb", True),
        ("https://desk.claude.ai/cb", True),
        (EVIL, False),
        ("https://claude.ai.evil.example/cb", False),
        ("https://notclaude.ai/cb", False),
        ("http://127.0.0.1:3000/cb", False),
        ("com.example.claude:/cb", False),
    ],
)
def test_who_bears_a_protected_name_is_on_its_hosts(redirect_uri: str, *, may: bool) -> None:
    native = {"application_type": "native"} if not redirect_uri.startswith("https") else {}
    refusal = told(redirect_uri, **native)
    expected = "client_name reads as Claude, a protected name: its redirect_uris must be on its"
    assert refusal is None if may else (refusal or "").startswith(expected)


@pytest.mark.finding("N1")
def test_all_redirect_uris_count_and_one_must_be_there() -> None:
    assert told(GOOD, EVIL)
    assert told(EVIL, GOOD)
    assert told(GOOD, "https://a.claude.ai/x") is None
    judged = judged_by(protected_names=[CLAUDE])
    machine: JsonObject = {"grant_types": ["client_credentials"], "client_name": "Claude"}
    assert ruled(judged, machine).verdict == "reject"


@pytest.mark.finding("N4")
@each("grant", [DEVICE, CIBA])
def test_a_grant_that_redirects_nobody_proves_no_host(grant: str) -> None:
    """Whoever sends the right redirect URIs along would be asked for consent by the right name, and
    get the tokens elsewhere.
    """
    more: JsonObject = {"grant_types": ["authorization_code", grant]}
    if grant == CIBA:
        more |= {"backchannel_token_delivery_mode": "poll"}
    assert "grant_types has no urn" in (told(GOOD, **more) or "")
    assert told(GOOD, client_name="Other", **more) is None


@pytest.mark.finding("N1")
def test_every_name_in_every_language_is_looked_at() -> None:
    others = ("organization_name", "application_display_name")
    for member in ("client_name", "client_name#de", *others):
        judged = terms(protected_names=[CLAUDE])  # an administrator sets all, and is judged alike
        sent = {"redirect_uris": [EVIL], "client_name": "x", member: "Cl\u0430ude"}
        made = ruling(sent, validate(sent, judged), judged, Circumstances())
        assert made.error is not None, member
        assert member in made.error.description
    assert told(EVIL, client_name="x", software_id="Claude") is None


def test_a_name_of_two_needs_the_hosts_of_both() -> None:
    assert told(GOOD, client_name="Claude for GitHub")
    assert told("https://github.com/cb", client_name="Claude for GitHub")
    both = [CLAUDE, {"name": "GitHub", "hosts": ["github.com", "claude.ai"]}]
    assert told(GOOD, names=both, client_name="Claude for GitHub") is None


def test_a_name_without_hosts_is_nobodys_and_is_told_in_ascii() -> None:
    assert told(GOOD, names=[{"name": "Банк"}], client_name="БАНК") == (
        "client_name reads as a protected name: its redirect_uris must be on its hosts"
    )


def test_what_statements_make_of_a_name_counts() -> None:
    force = statement({"force": {"client_name": "Claude"}}, name="force")
    judged = judged_by(force, protected_names=[CLAUDE])
    made = ruled(judged, client_name="Other")
    assert (made.verdict, made.statements) == ("reject", ("protected_names",))
    rename = statement({"force": {"client_name": "Other"}}, name="rename")
    made = ruled(judged_by(rename, protected_names=[CLAUDE]), client_name="Claude")
    assert (made.verdict, made.statements) == ("accept", ("rename",))


def test_the_preview_tells_member_rule_and_reason() -> None:
    judged = judged_by(protected_names=[CLAUDE])
    sent: JsonObject = {"redirect_uris": [EVIL], "client_name": "Cl\u0430ude"}
    found: Any = explain(sent, judged, here=Circumstances())
    assert found["policy"] == {"decision": "reject", "statements": ["protected_names"]}
    assert found["issues"][0] == {
        "member": "client_name",
        "reason": "client_name reads as Claude, a protected name: its redirect_uris must be on its"
        " hosts",
        "requirement": "protected_names",
        "specification": "policy.protected_names",
        "severity": "error",
        "error": "invalid_client_metadata",
    }
    warned = {(each["member"], each["requirement"]) for each in found["issues"][1:]}
    assert ("client_name", "POL-57") in warned


@each(
    "names, pointer",
    [
        ([{"name": ""}], "/protected_names/0/name"),
        ([{"name": "!!!"}], "/protected_names/0/name"),
        ([{"name": "x" * 101}], "/protected_names/0/name"),
        ([{"name": "a", "hosts": ["b/c"]}], "/protected_names/0/hosts"),
        ([{"name": "a", "hosts": ["*"]}], "/protected_names/0/hosts"),
        ([{"name": "a", "host": ["b"]}], "/protected_names/0/host"),
        ([{"hosts": ["b"]}], "/protected_names/0/name"),
        ([{"name": "a"}, {"name": "b"}, {"name": "\u0430"}], "/protected_names/2/name"),
    ],
)
def test_a_bad_list_of_names_is_refused_with_its_place(names: Any, pointer: str) -> None:
    with pytest.raises(BadDocument) as refused:
        checked({"protected_names": names}, {})
    assert [problem.pointer for problem in refused.value.problems] == [pointer]


@pytest.mark.finding("N2")
def test_five_hundred_names_cost_as_little_as_one() -> None:
    def seconds(count: int) -> float:
        policy = checked({"protected_names": [{"name": f"Brand {n}"} for n in range(count)]}, {})
        assert policy.names.borne_by("My Brand 0 thing")
        started = time.process_time()
        for _ in range(200):
            policy.names.borne_by("Some other client")
        return time.process_time() - started

    assert seconds(500) < 10 * max(seconds(1), 0.001)


def test_a_copy_of_a_policy_follows_from_its_own_values() -> None:
    plain = checked({}, {})
    assert not plain.decides
    named = checked({"protected_names": [CLAUDE]}, {}).protected_names
    made = plain.model_copy(update={"protected_names": named})
    assert made.decides
    assert made.names.borne_by("Claude")
    assert not plain.decides
