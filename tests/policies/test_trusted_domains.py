"""Domains that somebody registered: hosts that are trusted are somebody's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dcrserver.policies.statements.circumstances import Circumstances
from dcrserver.policies.statements.hosts import domain_of
from dcrserver.settings import ConfigurationError, load
from dcrserver.settings.stored import BadDocument, policy, written_policy
from harness.cases import each
from policies.statement_support import judged_by, members, ruled, statement, verdict

DOMAINS = "redirect_uris.domain"
ANYBODYS = ["*.co.uk", "*.com", "*.github.io", "*.CO.uk.", "*.kawasaki.jp", "*.a.ck",
            "*.\u0440\u0444", "*.s3.amazonaws.com"]  # fmt: skip


def _document(name: str, pattern: str) -> dict[str, Any]:
    key, own = "redirect_uris.host", "a.example.org"
    statements = {
        "not": {"name": "a", "when": {key: {"not": [own, pattern]}}, "then": {"reject": {}}},
        "hold": {"name": "a", "when": {key: {"not": [pattern]}}, "then": {"hold": True}},
        "in": {"name": "a", "when": {key: [own, pattern]}, "then": {"first_party": True}},
        "restrict": {"name": "a", "then": {"restrict": {key: [own, pattern]}}},
        "address": {"name": "a", "when": {"address.host": {"not": [pattern]}},
                    "then": {"hold": True}},
        "claim": {"name": "a", "when": {"statement.uri.host": {"not": [pattern]}},
                  "then": {"reject": {}}},
    }  # fmt: skip
    if name == "names":
        return {"protected_names": [{"name": "Acme", "hosts": [own, pattern]}]}
    return {"statements": [statements[name]], "statements_mode": "allowed"}


PLACES = {
    "not": "/statements/0/when/redirect_uris.host/not",
    "hold": "/statements/0/when/redirect_uris.host/not",
    "in": "/statements/0/when/redirect_uris.host/in",
    "restrict": "/statements/0/then/restrict/redirect_uris.host",
    "address": "/statements/0/when/address.host/not",
    "claim": "/statements/0/when/statement.uri.host/not",
    "names": "/protected_names/0/hosts",
}


@pytest.mark.finding("N7")
@each("place", [*PLACES])
def test_a_wildcard_of_names_that_anybody_gets_is_not_to_be_trusted(place: str) -> None:
    for pattern in ANYBODYS:
        with pytest.raises(BadDocument, match="anybody can have a name below it") as refused:
            written_policy(_document(place, pattern), {})
        assert [each.pointer for each in refused.value.problems] == [PLACES[place]]
        # What counts already does not end because a library's list grew.
        policy(_document(place, pattern), {})
    for pattern in ("*.example.com", "*.example.co.uk", "*.internal", "*.a.github.io", "co.uk"):
        written_policy(_document(place, pattern), {})


def test_whole_suffixes_may_be_blocked() -> None:
    blocked = {"name": "a", "when": {"redirect_uris.host": ["*.zip", "*.github.io"]},
               "then": {"reject": {}}}  # fmt: skip
    written_policy({"preset": "mcp", "statements": [blocked]}, {})
    assert verdict(judged_by(blocked), redirect_uris=["https://evil.github.io/"]) == "reject"


def test_a_file_that_trusts_anybody_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "dcrserver.toml"
    file.write_text(
        'server.base_url = "https://a.example"\n[[policies.strict.statements]]\nname = "a"\n'
        '[policies.strict.statements.then]\nrestrict = { "redirect_uris.host" = ["*.co.uk"] }\n'
    )
    with pytest.raises(ConfigurationError, match=r"(?s)\*\.co\.uk: anybody.*line 5\)"):
        load(file)


@each(
    "uri, domain",
    [
        ("https://a.b.example.co.uk/x", "example.co.uk"),
        ("https://example.co.uk/", "example.co.uk"),
        ("https://EXAMPLE.co.uk.:8443/", "example.co.uk"),
        ("https://bucket.s3.amazonaws.com/", "bucket.s3.amazonaws.com"),
        ("https://a.b.github.io/", "b.github.io"),
        ("https://www.b\u00fccher.de/", "xn--bcher-kva.de"),
        ("https://a.b.internal/", "b.internal"),
        ("http://localhost:1/", "localhost"),
        ("http://192.0.2.1:1/", "192.0.2.1"),
        ("http://[2001:db8::1]/", "2001:db8::1"),
        ("app://a.example.org/", None),
    ],
)
def test_the_domain_of_an_address_is_what_somebody_registered(uri: str, domain: Any) -> None:
    assert domain_of(uri) == domain


@each(
    "condition, uri, holds",
    [
        ("example.co.uk", "https://a.b.example.co.uk/", True),
        ("example.co.uk", "https://example.co.uk/", True),
        ("Example.CO.uk.", "https://example.co.uk/", True),
        ("example.co.uk", "https://evil.co.uk/", False),
        ("example.co.uk", "https://example.co.uk.evil.example/", False),
        ({"not": ["example.co.uk", "localhost"]}, "https://x.example.co.uk/", False),
        ({"not": ["example.co.uk", "localhost"]}, "http://localhost:3000/", False),
        ({"not": ["example.co.uk", "localhost"]}, "https://evil.co.uk/", True),
        ({"not": ["example.co.uk"]}, "com.evil.app:/cb", True),
        ({"not": ["amazonaws.com"]}, "https://evil.s3.amazonaws.com/", True),
        ({"pattern": "^example\\."}, "https://www.example.fr/", True),
    ],
)
def test_a_statement_asks_for_the_domain(condition: Any, uri: str, *, holds: bool) -> None:
    more = {"application_type": "native"} if not uri.startswith("https") else {}
    judged = judged_by(statement(redirect_uris__domain=condition))
    assert (verdict(judged, redirect_uris=[uri], **more) == "reject") is holds


def test_clients_are_kept_to_domains() -> None:
    uris = ["https://a.example.co.uk/", "https://evil.co.uk/"]
    keep = {"restrict": {DOMAINS: ["example.co.uk"]}}
    refused = ruled(judged_by(statement(keep)), redirect_uris=uris)
    assert refused.error is not None
    assert refused.error.code == "invalid_redirect_uri"
    assert refused.error.description == "redirect_uris.domain must be of example.co.uk"
    made = ruled(judged_by(statement(keep | {"correct": True})), redirect_uris=uris)
    assert members(made)["redirect_uris"] == uris[:1]


@each(
    "when, told",
    [
        ({DOMAINS: "a.example.co.uk"}, "is no registrable domain, which is example.co.uk"),
        ({DOMAINS: {"not": ["co.uk"]}}, "co.uk: is a public suffix"),
        ({DOMAINS: "*.example.org"}, "must be a domain"),
        ({DOMAINS: "a b"}, "must be a domain"),
        ({"client_name.domain": "example.org"}, "no member of URIs"),
        ({"redirect_uri.domain": "example.org"}, "did you mean redirect_uris"),
        ({".domain": "example.org"}, "is no member"),
    ],
)
def test_what_is_no_domain_is_refused_when_it_is_written(when: dict[str, Any], told: str) -> None:
    with pytest.raises(BadDocument, match=told):
        written_policy({"statements": [{"name": "a", "when": when, "then": {"hold": True}}]}, {})


def test_a_claim_may_be_called_host_or_domain() -> None:
    """Only after the name of another one do the words mean a part of it."""
    written = statement(**{"statement.domain": "a", "statement.host": "b"})
    assert ruled(judged_by(written, statements_mode="allowed"), here=Circumstances()).error is None
