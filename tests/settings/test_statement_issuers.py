"""Trusted issuers of software statements in the configuration: what is refused, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcrserver.settings import ConfigurationError, load
from dcrserver.settings.stored import BadDocument, tenant_settings
from harness.cases import each

ENTRY = {"issuer": "https://a.example", "jwks_uri": "https://a.example/jwks"}
ENTRIES = [
    (ENTRY | {"jwks_file": "x"}, "needs exactly one of jwks_file, jwks_uri, pem_file"),
    ({"issuer": "a"}, "needs exactly one of jwks_file, jwks_uri, pem_file"),
    ({"jwks_uri": "https://a.example/jwks"}, "issuer: is required"),
    (ENTRY | {"issuer": ""}, "issuer: must have at least 1 character"),
    (ENTRY | {"issuer": "a\nb"}, "issuer: must be printable"),
    (ENTRY | {"jwks_uri": "http://a.example/jwks"}, "jwks_uri: must be an https URL"),
    (ENTRY | {"jwks_uri": "nonsense"}, "jwks_uri: "),
    (ENTRY | {"algorithms": ["none"]}, "algorithms: 'none' is no asymmetric algorithm"),
    (ENTRY | {"algorithms": ["HS256"]}, "algorithms: 'HS256' is no asymmetric algorithm"),
    (ENTRY | {"algorithms": []}, "algorithms: "),
    (ENTRY | {"maximum_age": 0}, "maximum_age: "),
    (ENTRY | {"clock_skew": 301}, "clock_skew: "),
    (ENTRY | {"audience": ""}, "audience: "),
    (ENTRY | {"algorithm": "RS256"}, "algorithm: no such setting; did you mean algorithms?"),
]


@each("entry, told", ENTRIES)
def test_a_bad_entry_is_refused_with_its_place(entry: dict[str, object], told: str) -> None:
    good = ENTRY | {"issuer": "https://good.example"}
    with pytest.raises(ConfigurationError) as caught:
        load(None, software_statements=[good, entry])
    assert str(caught.value).startswith("software_statements.1")
    assert told in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"tenants\.a\.software_statements\.0"):
        load(None, tenants={"a": {"software_statements": [entry]}})
    with pytest.raises(BadDocument) as refused:
        tenant_settings({"software_statements": [good, entry]})  # type: ignore[list-item, dict-item]
    assert refused.value.problems[0].pointer.startswith("/software_statements/1")


def test_two_entries_of_one_issuer_are_refused() -> None:
    told = "two entries have the issuer https://a.example"
    with pytest.raises(ConfigurationError, match=f"^software_statements: {told}"):
        load(None, software_statements=[ENTRY, ENTRY])
    with pytest.raises(BadDocument, match=told):
        tenant_settings({"software_statements": [ENTRY, ENTRY]})  # type: ignore[list-item]


@each("name", ["jwks_file", "pem_file"])
def test_whoever_writes_at_run_time_names_no_file_of_ours(name: str) -> None:
    with pytest.raises(BadDocument, match="files are for the configuration file to name"):
        tenant_settings({"software_statements": [{"issuer": "a", name: "/etc/passwd"}]})


def test_the_mode_is_one_of_three(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    for mode in ("ignored", "allowed", "required"):
        file.write_text(f'[policy]\nstatements_mode = "{mode}"\n')
        assert load(file).policy.statements_mode == mode
    file.write_text('[policy]\nstatements_mode = "maybe"\n')
    with pytest.raises(ConfigurationError, match=r"policy\.statements_mode: must be 'ignored'"):
        load(file)


def test_a_statement_sets_members_that_there_are() -> None:
    told = r"^software_statements\.0\.may_set: trust_marc: no such member; did you mean trust_mark"
    with pytest.raises(ConfigurationError, match=told):
        load(
            None,
            members={"trust_mark": {}},
            software_statements=[ENTRY | {"may_set": ["skip_consent", "trust_mark", "trust_marc"]}],
        )
