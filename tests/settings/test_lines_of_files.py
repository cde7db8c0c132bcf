"""A mistake in a file is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcrserver.settings import ConfigurationError, load
from dcrserver.settings.lines import line_of, lines_of

TEXT = """\
policy.preset = "mcp"
[server]
workers = 2

[[policy.statements]]
name = "a"
then.hold = true
[[policy.statements]]
name = "b"
when = { origin = "opn" }
[policy.statements.then]
tag = ["x=y"]
[[policies.strict.statements]]   # the first of another
name = "c"
when."redirect_uris.host" = "a b"
[policies.strict.scope]
'unknown' = "reject"
[tenants."a.b"]
software_statements = [
  { issuer = "https://a.example" },
]
"""
PLACES = {
    ("policy", "preset"): 1,
    ("policy", "statements"): 5,
    ("policy", "statements", "0"): 5,
    ("policies", "strict", "statements"): 13,
    ("policy", "statements", "0", "then", "hold"): 7,
    ("policy", "statements", "1", "name"): 9,
    ("policy", "statements", "1", "when", "origin"): 10,
    ("policy", "statements", "1", "then", "tag", "0"): 12,
    ("policy", "statements", "1", "then"): 11,
    ("policies", "strict", "statements", "0", "name"): 14,
    ("policies", "strict", "statements", "0", "when", "redirect_uris.host", "in"): 15,
    ("policies", "strict", "scope", "unknown"): 17,
    ("tenants", "a.b", "software_statements", "0", "issuer"): 19,
    ("server", "workers"): 3,
    ("server", "port"): 2,
    ("tokens", "lifetime"): 1,
}


def test_each_key_is_on_its_line() -> None:
    assert {key: line_of(key, TEXT) for key in PLACES} == PLACES


def test_tables_of_a_list_below_tables_of_a_list_are_counted_in_each() -> None:
    lines = lines_of("[[a]]\n[[a.b]]\n[[a.b]]\n[[a]]\n[[a.b]]\nc = 1\n[a.d]\ne = 1\n")
    assert lines[("a", "0", "b", "1")] == 3
    assert lines[("a", "1", "b", "0", "c")] == 6
    assert lines[("a", "1", "d", "e")] == 8


@pytest.mark.parametrize(
    "text", ["[", "[]", "[[", "=", "a =", "[[]]", "x", "[1]", '"a=b" = 1\n["a"]']
)
def test_what_is_no_toml_by_itself_begins_nothing(text: str) -> None:
    assert line_of(("policy", "statements", "0"), text) == 1


def test_a_bad_statement_of_the_configuration_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(TEXT)
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path / "c.toml")
    told = {line.partition(": ")[0]: line.rpartition(", line ")[2] for line in
            str(refused.value).splitlines()}  # fmt: skip
    assert told["policy.statements.1.when.origin"] == "10)"
    assert told["policies.strict.statements.0.when.redirect_uris.host"] == "15)"


def test_a_list_of_tables_begins_with_its_first(tmp_path: Path) -> None:
    """Also what should be no list, or is of no such key."""
    file = tmp_path / "dcrserver.toml"
    file.write_text(f'server.base_url = "https://a.example"\n\n{TEXT[TEXT.index("[[policy") :]}')
    file.write_text(file.read_text() + '[[admin.providers]]\nissuer = "x"\n[[colours]]\nx = 1\n')
    lines = file.read_text().splitlines()
    with pytest.raises(ConfigurationError) as refused:
        load(file)
    for key in ("admin.providers", "colours"):
        (told,) = (line for line in str(refused.value).splitlines() if line.startswith(f"{key}:"))
        assert told.endswith(f", line {lines.index(f'[[{key}]]') + 1})"), told
