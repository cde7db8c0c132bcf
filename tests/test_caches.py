"""Whatever is kept for the next request has a bound in octets: strangers choose the keys."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import dcrserver
from dcrserver.caches import bounded_cache
from dcrserver.metadata import rules, uris

pytestmark = pytest.mark.finding("S6")

_PACKAGE = Path(dcrserver.__file__).parent
# Modules that keep what may grow while we run, each with what bounds it. Whoever adds one says here
# why it cannot be filled from outside: how many keys, and how long a key is.
_BOUNDED = {
    "caches.py": "so many texts of so many characters",
    "metadata/uris.py": "4096 texts of 256 characters",
    "policies/statements/claims.py": "256 texts of 8192 characters",
    "policies/statements/hosts.py": "4096 texts of 256 characters",
    "policies/__init__.py": "four answers of each policy, that operators wrote",
    "policies/names/signs.py": "protected names of each policy, that operators wrote",
    "policies/names/skeletons.py": "1024 names of 256 characters, 4096 characters",
    "policies/names/unicode.py": "two tables of the package",
    "policies/domains.py": "1024 hosts of 253 characters, one list of a library",
    "limits.py": "4096 texts of 64 characters",
    "metadata/software_statements.py": "64 lists of members of each terms, that operators wrote",
    "metadata/rules/__init__.py": "4096 tuples of the catalogue's names, and methods of rules",
    "metadata/bounds.py": "256 bounds of each terms, that administrators wrote",
    "settings/locations.py": "groups of the settings",
    "console/pages.py": "8 pages of the configuration's own tenants",
    "signing.py": "256 headers of our own keys",
    "security.py": "one context of a library",
    "metadata/facets.py": "one list of the catalogue",
    "repositories/policy_bindings.py": "two sets of statements",
    "db/schema.py": "one list, of our migrations",
    "telemetry/log_writer.py": "lines, so many as the constant says",
    "strict_json.py": "limits of the policies",
    "repositories/last_uses.py": "statements of the program",
    "fetch/address_names.py": "addresses, so many as the constant says, of eight names each",
    "fetch/resolver.py": "hosts, so many as the constant says",
    "repositories/client_documents.py": "statements of the program",
    "services/documents/resolver.py": "100,000 names of clients; each document that is read once",
    "repositories/metadata_copies.py": "statements of the program",
    "repositories/leases.py": "statements of the program",
    "repositories/tenant_rows.py": "statements of the program",
    "repositories/client_quotas.py": "statements of the program",
    "repositories/link_statements.py": "statements of the program",
    "repositories/connector_reports.py": "statements of the program",
    "repositories/link_raising.py": "statements of the program",
    "repositories/facets.py": "256 metadata of 4096 characters, and statements of the program",
    "db/protocol/batches.py": "statements of the program",
    "services/access/stored_clients.py": "256 metadata of 4096 characters",
    "services/registration/judgement.py": "256 submissions of 4096 characters",
    "services/secrets/verification.py": "digests, so many as the constant says",
    "services/authentication/client_keys.py": "1000 registered locations of 2000 characters",
    "buckets.py": "of each limit addresses and ids cut short, so many as the constant says",
    "shared_buckets.py": "who was refused a moment ago, so many as the constant says",
    "fetch/cache.py": "cache_entries of 2000 characters, and cache_bytes",
}
_CACHES = {"lru_cache", "cache", "bounded_cache", "OrderedDict", "defaultdict"}


def _caching_modules() -> set[str]:
    """Modules that import one of the ways to remember."""
    return {
        str(path.relative_to(_PACKAGE))
        for path in _PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module in {"functools", "collections", "dcrserver.caches"}
        and _CACHES.intersection(alias.name for alias in node.names)
    }


def test_every_cache_says_what_bounds_it() -> None:
    assert _caching_modules() - _BOUNDED.keys() == set(), "what bounds it? see _BOUNDED"


def test_what_is_said_of_caches_is_about_caches() -> None:
    assert _BOUNDED.keys() - _caching_modules() == set()


def test_a_long_text_is_worked_out_but_not_kept() -> None:
    asked = []

    @bounded_cache(entries=2, longest=3)
    def upper(text: str) -> str:
        asked.append(text)
        return text.upper()

    for text in ("abc", "abc", "abcd", "abcd"):
        assert upper(text) == text.upper()
    assert asked == ["abc", "abcd", "abcd"]


def test_uris_that_are_long_are_not_kept() -> None:
    long = f"https://a.example/{'x' * 256}"
    assert uris.parse(long) is not uris.parse(long)
    assert uris.parse("https://a.example/x") is uris.parse("https://a.example/x")


def test_rules_are_not_kept_by_a_method_that_no_rule_names() -> None:
    members = ("redirect_uris",)
    assert rules.rules_for(members, "x" * 60_000) is rules.rules_for(members, "y" * 60_000)
