"""What ``when`` asks: values, lists, hosts, patterns, and who asks from where."""

from __future__ import annotations

import time
from typing import Any

import pytest

from dcrserver.metadata import PARAMETERS
from dcrserver.policies.statements.circumstances import ACTORS, SCOPES, Circumstances
from dcrserver.policies.statements.conditions import LISTS
from dcrserver.policies.statements.hosts import among, host_of
from dcrserver.services.access import scopes
from dcrserver.services.audit.actors import ActorKind
from dcrserver.settings.stored import BadDocument
from harness.cases import each
from policies.statement_support import judged_by, policy_of, ruled, statement, verdict

HOSTS = "redirect_uris.host"


def matches(key: str, condition: Any, **sent: Any) -> bool:
    return verdict(judged_by({"name": "a", "when": {key: condition}, "then": {
        "reject": {"description": "no"}}}), **sent) == "reject"  # fmt: skip


@each(
    "key, condition, sent, holds",
    [
        ("client_name", "a", {"client_name": "a"}, True),
        ("client_name", "a", {"client_name": "A"}, False),
        ("client_name", ["a", "b"], {"client_name": "b"}, True),
        ("client_name", {"in": ["a", "b"]}, {"client_name": "c"}, False),
        ("client_name", {"in": "a"}, {"client_name": "a"}, True),
        ("client_name", {"prefix": "Acme "}, {"client_name": "Acme X"}, True),
        ("client_name", {"prefix": ["x", "Acme"]}, {"client_name": "Acme X"}, True),
        ("client_name", {"pattern": "cme"}, {"client_name": "Acme X"}, True),
        ("client_name", {"pattern": "^cme"}, {"client_name": "Acme X"}, False),
        ("client_name", {"pattern": "(?i)ACME"}, {"client_name": "Acme X"}, True),
        ("client_name", {"prefix": "A", "not": "Acme"}, {"client_name": "Acme"}, False),
        ("client_name", {"prefix": "A", "not": "Acme"}, {"client_name": "Acne"}, True),
        ("client_name#fr", "b", {"client_name": "a", "client_name#fr": "b"}, True),
        # Of what is not there only not holds.
        ("software_id", "a", {}, False),
        ("software_id", {"prefix": ""}, {"software_id": "x"}, None),
        ("software_id", {"pattern": ""}, {}, False),
        ("software_id", {"not": ["a", "b"]}, {}, True),
        ("software_id", {"not": ["a", "b"]}, {"software_id": "a"}, False),
        # true is no number, and a default is there as well as what was sent.
        ("default_max_age", 1, {"default_max_age": 1}, True),
        ("require_auth_time", True, {"require_auth_time": True}, True),
        ("require_auth_time", False, {}, True),
        ("token_endpoint_auth_method", "client_secret_basic", {}, True),
        ("application_type", "web", {}, True),
        # A list matches when one of its elements does, and one that is not there has none.
        ("contacts", "a@b.example", {"contacts": ["x@b.example", "a@b.example"]}, True),
        ("contacts", {"not": "a@b.example"}, {"contacts": ["x@b.example", "a@b.example"]}, True),
        ("contacts", {"not": "a@b.example"}, {"contacts": ["a@b.example"]}, False),
        ("contacts", {"not": "a@b.example"}, {}, False),
        ("grant_types", "refresh_token", {"grant_types": ["authorization_code", "refresh_token"]},
         True),
        ("redirect_uris", {"prefix": "https://client."}, {}, True),
        ("redirect_uris", {"prefix": "http:"}, {}, False),
        # scope is a list of scopes.
        ("scope", "email", {"scope": "openid email"}, True),
        ("scope", {"not": ["openid", "email"]}, {"scope": "openid email"}, False),
        ("scope", {"not": ["openid", "email"]}, {"scope": "openid profile"}, True),
        ("scope", {"not": ["openid"]}, {}, False),
        ("scope", {"prefix": "open"}, {"scope": "email openid"}, True),
    ],
)  # fmt: skip
def test_members_are_compared_as_json_has_them(
    key: str, condition: Any, sent: dict[str, Any], *, holds: bool | None
) -> None:
    if holds is None:
        with pytest.raises(BadDocument):
            policy_of({"name": "a", "when": {key: condition}, "then": {"hold": True}})
        return
    assert matches(key, condition, **sent) is holds


@each(
    "patterns, uri, holds",
    [
        (["a.example"], "https://a.example/cb", True),
        (["a.example"], "https://A.EXAMPLE:8443/cb?x#y", True),
        (["A.Example."], "https://a.example/cb", True),
        (["a.example:443"], "https://a.example/cb", True),
        (["a.example"], "https://a.example.evil.example/", False),
        (["a.example"], "https://evil.example/a.example", False),
        (["a.example"], "https://b.a.example/", False),
        (["*.a.example"], "https://b.a.example/", True),
        (["*.a.example"], "https://c.b.a.example/", True),
        (["*.a.example"], "https://a.example/", False),
        (["*.a.example"], "https://xa.example/", False),
        (["*.A.example."], "https://B.a.EXAMPLE/", True),
        (["x.example", "*.a.example"], "https://b.a.example/", True),
        (["b\u00fccher.example"], "https://xn--bcher-kva.example/", True),
        (["*.b\u00dcCHER.example"], "https://www.xn--bcher-kva.example/", True),
        (["xn--bcher-kva.example"], "https://XN--bcher-KVA.example/", True),
        (["192.0.2.1"], "https://192.0.2.1/", True),
        (["[2001:db8::1]"], "https://[2001:DB8:0:0::1]:8443/", True),
        (["2001:db8::1"], "https://[2001:db8::1]/", True),
        (["[::1]:8080"], "http://[::1]:9/", True),
        (["localhost"], "http://localhost:1/cb", True),
        # An app's own scheme has no host, whatever it looks like.
        (["a.example"], "app://a.example/cb", False),
        (["a.example"], "com.example.app:/a.example", False),
        (["a.example"], "https://user@a.example/", True),
        (["a.example"], "https://a.example@evil.example/", False),
    ],
)
def test_hosts_are_dns_names(patterns: list[str], uri: str, *, holds: bool) -> None:
    host = host_of(uri)
    assert (host is not None and among(patterns)(host)) is holds


@each("uri", ["https://", "https://[::1/", "https://a..example/", "x", "", "https://999.1.1.1/",
              "https://" + "a" * 300 + ".example/", "https://a b.example/"])  # fmt: skip
def test_what_has_no_host_has_none(uri: str) -> None:
    assert host_of(uri) is None


@each("pattern", ["", "*", "*.", "a b", "*.192.0.2.1", "https://a.example", "a.example/", "*.*.a",
                  "a.*.example", "-", "a..b", "[::1", "user@a.example", "300.1.1.1"])  # fmt: skip
def test_what_is_no_host_is_refused_when_it_is_written(pattern: str) -> None:
    with pytest.raises(BadDocument, match="must be a host"):
        policy_of({"name": "a", "when": {HOSTS: pattern}, "then": {"hold": True}})


@each(
    "condition, uris, holds",
    [
        ({"not": ["*.good.example"]}, ["https://a.good.example/"], False),
        ({"not": ["*.good.example"]}, ["https://a.good.example/", "https://evil.example/"], True),
        # Nobody gets around a list of hosts by a scheme of their own, or by none at all.
        ({"not": ["*.good.example"]}, ["com.evil.app:/cb"], True),
        ({"not": ["*.good.example"], "prefix": "e"}, ["https://evil.example/"], True),
        ({"pattern": "^[a-z]+\\.good\\."}, ["https://A.good.example:1/"], True),
    ],
)
def test_a_list_of_hosts_holds_for_each_uri(
    condition: Any, uris: list[str], *, holds: bool
) -> None:
    native = {"application_type": "native"} if uris[0].startswith("com.") else {}
    assert matches(HOSTS, condition, redirect_uris=uris, **native) is holds


def test_a_page_that_is_not_there_is_on_no_host() -> None:
    condition = {"not": ["client.example.org"]}
    assert not matches("logo_uri.host", condition)
    assert matches("logo_uri.host", condition, logo_uri="https://other.example/x.png")
    assert not matches("logo_uri.host", condition, logo_uri="https://CLIENT.example.org/x.png")


@each(
    "condition, address, holds",
    [
        ("192.0.2.0/24", "192.0.2.9", True),
        ("192.0.2.0/24", "192.0.3.9", False),
        (["192.0.2.1", "2001:db8::/32"], "2001:db8::7", True),
        ("192.0.2.0/24", "::ffff:192.0.2.9", True),
        ({"not": "192.0.2.0/24"}, "192.0.2.9", False),
        ({"not": "192.0.2.0/24"}, "198.51.100.1", True),
        ({"in": "192.0.2.0/24", "not": "192.0.2.9"}, "192.0.2.9", False),
        ("192.0.2.0/24", None, False),
        ({"not": "192.0.2.0/24"}, None, True),
        ("192.0.2.0/24", "unix", False),
    ],
)
def test_addresses_are_looked_for_in_networks(
    condition: Any, address: str | None, *, holds: bool
) -> None:
    found = ruled(judged_by(statement(address=condition)), here=Circumstances(address=address))
    assert (found.verdict == "reject") is holds


@each(
    "when, holds",
    [
        ({"origin": "open"}, True),
        ({"origin": ["import", "update"]}, True),
        ({"origin": "import"}, False),
        ({"origin": {"not": "update"}}, False),
        ({"origin": {"not": "administrator"}}, True),
        ({"actor": "client"}, True),
        ({"actor": "anonymous"}, True),
        ({"actor": {"not": "administrator"}}, True),
        ({"actor": {"not": ["client"]}}, False),
        ({"tenant": "default"}, True),
        ({"tenant": {"not": "default"}}, False),
        ({"tenant": {"prefix": "def"}}, True),
        ({"origin": "open", "tenant": "other"}, False),
    ],
)
def test_who_asks_is_known_by_words(when: dict[str, Any], *, holds: bool) -> None:
    here = Circumstances(
        origins=frozenset({"open", "update"}), actors=frozenset({"client", "anonymous"})
    )
    assert (ruled(judged_by(statement(**when)), here=here).verdict == "reject") is holds


def test_the_words_are_those_of_others() -> None:
    assert {kind.word for kind in ActorKind} == ACTORS
    assert scopes.SCOPES.keys() == SCOPES
    rows = [row for row in PARAMETERS.values() if not row.chooses]
    arrays = {row.name for row in rows if row.kind.schema.get("type") == "array"}
    assert {*arrays, "scope"} == LISTS


@each(
    "when, told",
    [
        ({"origin": "opn"}, "must be one of"),
        ({"actor": "initial_access_token:7"}, "must be one of"),
        ({"origin": {"pattern": "o"}}, "takes a value, a list"),
        ({"address": "192.0.2.1/24"}, "must be an address or a network"),
        ({"address": {"prefix": "192."}}, "takes a value, a list"),
        ({"client_name": {}}, "one of in, not, prefix, pattern"),
        ({"client_name": []}, "a value, or a list of 1"),
        ({"client_name": {"in": None}}, "a text, a number"),
        ({"client_name": {"prefix": 7}}, "a text, or a list of texts"),
        ({"client_name": {"equals": "x"}}, "no such setting"),
        ({"client_name": {"in": ["a"], "not": ["b", "a"]}}, "can never hold"),
        ({"clientname": "x"}, "did you mean client_name"),
        ({"orign": "open"}, "did you mean origin"),
        ({"client name": "x"}, "is no member"),
        ({"client_id": "x"}, "for the server to set"),
        ({"client_name.host": "a.example"}, "has no host"),
        ({"scope#fr": "x"}, "no language tags"),
        ({"application_type": "desktop"}, "none of these can be had"),
        ({"federation_entity": "x"}, "no such member"),
        ({"client_name": {"pattern": "("}}, "no pattern that is safe"),
        ({"client_name": {"pattern": "(?=a)"}}, "look-around"),
        ({"client_name": {"pattern": "(a)\\1"}}, "backreferences"),
        ({"client_name": {"pattern": "a{1000}{1000}{1000}"}}, "no pattern that is safe"),
        ({"client_name": {"pattern": "a" * 501}}, "at most 500"),
    ],
)
def test_what_can_never_hold_is_refused_with_its_place(when: dict[str, Any], told: str) -> None:
    with pytest.raises(BadDocument, match=told) as refused:
        policy_of({"name": "a", "then": {"hold": True}}, {"name": "b", "when": when, "then": {
            "hold": True}})  # fmt: skip
    (key,) = when
    pointers = {problem.pointer for problem in refused.value.problems}
    assert all(each.startswith(f"/statements/1/when/{key}") for each in pointers), pointers


@each("pattern", ["^(a+)+$", "(a|a)*b", "(.*)*x", "(a|aa)+$", "([a-z]+)*\\d", "(x+x+)+y"])
def test_no_pattern_takes_long_over_any_text(pattern: str) -> None:
    judged = judged_by(statement(client_name={"pattern": pattern}), text={"max_length": 60_000})
    started = time.perf_counter()
    for text in ("a" * 50_000 + "!", "ax" * 25_000):
        verdict(judged, client_name=text)
    assert time.perf_counter() - started < 2
