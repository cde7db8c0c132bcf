"""What is wrong with a setting is told with the place where its value came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from dcrserver.settings import ConfigurationError, Settings, load
from harness.commands import Commands

_TEXTS = ("", "[", "-1", "no such thing", "\x1f")
# Any text is good for them, as far as can be seen when they are read.
_FREE = {
    "authorization_server.metadata", "cli.ca_file", "cli.token", "database.password",
    "database.url", "outbound.ca_file",
    "redis.url", "tenants.x.authorization_server.metadata", "tenants.x.policy",
    "tls.certificate_file", "tls.client_ca_file", "tls.key_file",
}  # fmt: skip


def keys(annotation: Any) -> Iterator[list[str]]:
    """Of all values below one of the type ``annotation``; x where names are free, 0 of a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            for below in keys(field.annotation):
                yield [field.alias or name, *below]
        return
    arguments = get_args(annotation)
    models = [each for each in arguments if keys_below(each)]
    if get_origin(annotation) is dict and models:
        yield from (["x", *below] for below in keys(models[0]))
    elif get_origin(annotation) is tuple and models:
        yield from (["0", *below] for below in keys(models[0]))
    elif models:
        yield from keys(models[0])
    else:
        yield []


def keys_below(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


KEYS = [".".join(key) for key in keys(Settings)]
# A list of tables is one variable, which holds all of it as JSON.
_WITH_VARIABLES = [key for key in KEYS if ".0." not in key]


def test_the_list_of_settings_is_whole() -> None:
    assert len(KEYS) > 150
    assert set(KEYS) > _FREE | {"server.port", "policies.x.json.max_depth", "tenants.x.mode"}


def _about(key: str, error: ConfigurationError) -> list[str]:
    """The lines of a refusal, less those of others in the table that must be there, too."""
    lines = str(error).splitlines()
    assert lines
    return [
        each
        for each in lines
        if each.startswith(key) or not each.partition(" (from ")[0].endswith(": is required")
    ]


def _table(groups: list[str]) -> str:
    """The head of a table; 0 stands for the first table of a list."""
    if "0" not in groups:
        return f"[{'.'.join(groups)}]\n" if groups else ""
    place = groups.index("0")
    first, below = groups[:place], groups[place + 1 :]
    head = f"[[{'.'.join(first)}]]\n"
    return head + (f"[{'.'.join([*first, *below])}]\n" if below else "")


@pytest.mark.parametrize("key", _WITH_VARIABLES)
def test_a_wrong_value_is_told_with_its_variable(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of texts that mean nothing at least one is refused, by the key and the variable."""
    variable = "DCR_" + key.replace(".", "__").upper()
    group, refused = key.rpartition(".")[0], 0
    for text in _TEXTS:
        monkeypatch.setenv(variable, text)
        try:
            load()
        except ConfigurationError as error:
            refused += 1
            for line in _about(key, error):
                assert variable in line
                assert line.startswith((f"{key}: ", f"{key}.", f"{group}: ", f"{variable}: "))
                assert "Input should" not in line
                assert "frozenset" not in line
    assert bool(refused) is (key not in _FREE)


@pytest.mark.parametrize("key", KEYS)
def test_a_wrong_value_is_told_with_its_file(key: str, tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    *groups, name = key.split(".")
    text = f"{_table(groups)}{name} = [[[1]]]\n"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as refusal:
        load(file)
    for line in _about(key, refusal.value):
        assert line.startswith((key, f"{'.'.join(groups)}: "))
        last = len(text.splitlines())
        places = [last] if line.startswith(key) else range(1, last + 1)
        assert line.endswith(tuple(f" (from {file}, line {each})" for each in places))


def test_a_group_is_told_with_the_options_that_were_given() -> None:
    with pytest.raises(ConfigurationError, match=r"cli: there is no token .* \(from --server\)$"):
        load(cli={"server": "http://127.0.0.1:8000"})


def test_each_is_told_with_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "some.toml"
    file.write_text("[server]\nworkers = 0\nport = 1\n[tokens]\nlifetime = 1\n")
    monkeypatch.setenv("DCR_SERVER", '{"host":""}')
    monkeypatch.setenv("dcr_tokens__lifetime", "2")
    with pytest.raises(ConfigurationError) as refusal:
        load(file, server={"port": 0})
    places = {line.partition(": ")[0]: line for line in str(refusal.value).splitlines()}
    assert places.keys() == {"server.workers", "server.host", "server.port", "tokens.lifetime"}
    assert places["server.workers"].endswith(f"(from {file}, line 2)")
    assert places["server.host"].endswith("(from DCR_SERVER)")
    assert places["server.port"].endswith("(from --port)")
    assert places["tokens.lifetime"].endswith("(from dcr_tokens__lifetime)")


def test_several_that_do_not_fit_are_all_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "some.toml"
    file.write_text('[mutual_tls]\nheader = "X-A"\ntrusted_proxies = ["::1"]\n')
    monkeypatch.setenv("DCR_MUTUAL_TLS__VERIFIED_HEADER", "x-a")
    with pytest.raises(ConfigurationError, match="must be two headers") as refusal:
        load(file)
    assert str(refusal.value).endswith(f"(from DCR_MUTUAL_TLS__VERIFIED_HEADER and {file}, line 1)")


def test_only_the_variable_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCR_POLICY__PRESET", "mcp")
    monkeypatch.setenv("DCR_POLICY__REGISTRATION__REQUIRED", "abc")
    with pytest.raises(ConfigurationError) as refusal:
        load()
    assert str(refusal.value).startswith("DCR_POLICY__REGISTRATION__REQUIRED: must be JSON")


def test_what_is_found_wrong_later_is_told_with_its_variable(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCR_DATABASE__URL", "oracle://x/y")
    assert "(from DCR_DATABASE__URL)" in run("config", "check", status=1)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("required", '["scopes"]', "scopes: no such member; did you mean scope?"),
        ("required", '["vp_formats_supported"]', "vp_formats_supported is of a family that"),
        ("member_aliases", '{"a":"client_nam"}', "client_nam: no such member; did you mean clie"),
    ],
)
@pytest.mark.parametrize("group", ["POLICY", "POLICIES__X"])
def test_members_that_nobody_can_send_are_refused(
    group: str, key: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"DCR_{group}__REGISTRATION__{key.upper()}"
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as refusal:
        load()
    where = group.lower().replace("__", ".")
    assert str(refusal.value).startswith(f"{where}.registration.{key}: {told}")
    assert str(refusal.value).endswith(f"(from {variable})")


def test_a_policy_of_a_file_is_told_with_its_line(tmp_path: Path, run: Commands) -> None:
    file = tmp_path / "p.toml"
    file.write_text('[[statements]]\nname = "a"\nwhen = {}\n\n[statements.then]\nhld = true\n')
    told = run("policy", "check", str(file), status=1)
    assert f"{file}, line 6: /statements/0/then/hld: no such setting; did you mean hold?" in told
