"""Files in the configuration are relative to it; those of the environment to where one is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from dcrserver.db.urls import database_url
from dcrserver.settings import ConfigurationError, Settings, load
from dcrserver.settings.locations import FileReference, _fields

pytestmark = pytest.mark.finding("B9")


# Files that tables of a list name.
LISTS: list[tuple[str, ...]] = []


def _is_table(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def _files(hint: Any, key: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The keys of all settings whose type says that they name a file."""
    if hint is Path or isinstance(hint, FileReference):
        yield key
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        for name, field in _fields(hint).items():
            yield from _files(field, (*key, name))
    elif get_origin(hint) is dict:
        yield from _files(get_args(hint)[1], (*key, "NAME"))
    elif get_origin(hint) is tuple and _is_table(get_args(hint)[0]):
        LISTS.extend((*key, *each) for each in _files(get_args(hint)[0]))
    else:
        for argument in get_args(hint):
            yield from _files(argument, key)


FILES = sorted(set(_files(Settings)))


# Of files that are read at once: what they hold.
HELD = {
    "bootstrap_token_file": "x" * 32,
    "url_file": "redis://host",
    "password_file": "x",
    "token_file": "x",
    "encryption_keys_file": "x",
    "client_secret_file": "x",
    "initial_access_token_file": "x",
    "database_url_file": "sqlite:////x",
}
_KEYCLOAK = "kind = 'keycloak'\nurl = 'https://a.example'\nrealm = 'a'\nclient_id = 'a'\n"
_RFC7591 = "kind = 'rfc7591'\nregistration_endpoint = 'https://a.example'\n"
# What else a table must hold in which a file is named.
BESIDE = {
    ("connectors", "NAME", "ca_file"): _RFC7591,
    ("connectors", "NAME", "client_secret_file"): _KEYCLOAK,
    ("connectors", "NAME", "private_key_file"): _KEYCLOAK,
    ("connectors", "NAME", "initial_access_token_file"): _RFC7591,
    ("connectors", "NAME", "path"): "kind = 'json_file'\n",
    ("connectors", "NAME", "database_url_file"): "kind = 'sql'\n",
}


def _written(file: Path, key: tuple[str, ...]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(HELD.get(key[-1], ""))


def _toml(key: tuple[str, ...], value: str) -> str:
    return f"[{'.'.join(key[:-1])}]\n{BESIDE.get(key, '')}{key[-1]} = '{value}'\n"


def _read(settings: Any, key: tuple[str, ...]) -> str:
    for part in key:
        settings = settings[part] if isinstance(settings, dict) else getattr(settings, part)
    hidden = getattr(settings, "get_secret_value", None)
    return str(hidden() if hidden else settings)


def test_these_settings_name_files() -> None:
    assert set(FILES) >= {
        ("authorization_server", "metadata"),
        ("database", "url"),
        ("outbound", "ca_file"),
        ("secrets", "encryption_keys_file"),
        ("tenants", "NAME", "authorization_server", "metadata"),
    }


def test_files_of_tables_in_a_list_are_relative_to_the_configuration(tmp_path: Path) -> None:
    assert set(LISTS) == {
        (*where, "software_statements", name)
        for where in ((), ("tenants", "NAME"))
        for name in ("jwks_file", "pem_file")
    }
    for *where, name in LISTS:
        table = f"[[{'.'.join(where)}]]\nissuer = 'a'\n{name} = 'sub/x'\n"
        (tmp_path / "c.toml").write_text(table)
        settings = load(tmp_path / "c.toml")
        holder = settings.tenants["NAME"] if "tenants" in where else settings
        (entry,) = holder.software_statements or ()
        assert getattr(entry, name) == tmp_path / "sub" / "x"


@pytest.mark.parametrize("key", FILES, ids=".".join)
def test_a_file_is_relative_to_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: tuple[str, ...]
) -> None:
    for folder in ("etc/sub", "sub"):
        _written(tmp_path / folder / "x", key)
    scheme = "sqlite:///" if key == ("database", "url") else ""
    (tmp_path / "etc" / "c.toml").write_text(_toml(key, f"{scheme}sub/x"))
    monkeypatch.chdir(tmp_path)
    for given in (Path("etc/c.toml"), tmp_path / "etc" / "c.toml"):
        assert _read(load(given), key) == f"{scheme}{tmp_path}/etc/sub/x"
    monkeypatch.setenv("DCR_CONFIG", "etc/c.toml")
    assert _read(load(), key) == f"{scheme}{tmp_path}/etc/sub/x"
    if key in BESIDE:  # one variable alone makes no such table
        return
    monkeypatch.setenv(f"DCR_{'__'.join(key).upper().replace('NAME', 'a')}", f"{scheme}sub/x")
    elsewhere = tuple("a" if part == "NAME" else part for part in key)
    assert _read(load(), elsewhere) == f"{scheme}sub/x"


@pytest.mark.parametrize("key", FILES, ids=".".join)
def test_a_whole_path_stays(tmp_path: Path, key: tuple[str, ...]) -> None:
    _written(tmp_path / "etc" / "x", key)
    scheme = "sqlite:///" if key == ("database", "url") else ""
    (tmp_path / "c.toml").write_text(_toml(key, f"{scheme}{tmp_path}/etc/x"))
    assert _read(load(tmp_path / "c.toml"), key) == f"{scheme}{tmp_path}/etc/x"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (("authorization_server", "metadata"), "https://a.example/metadata"),
        (("database", "url"), "postgresql://u@h/d"),
        (("database", "url"), "mysql://u@h/d?ssl_ca=/etc/ca.pem&ssl_mode=verify-ca"),
        (("database", "url"), "sqlite://"),
        (("database", "url"), "sqlite:///:memory:"),
        (("database", "url"), "sqlite:///file:x?uri=true"),
    ],
)
def test_what_is_no_file_stays(tmp_path: Path, key: tuple[str, ...], value: str) -> None:
    (tmp_path / "c.toml").write_text(_toml(key, value))
    assert _read(load(tmp_path / "c.toml"), key) == value


@pytest.mark.finding("F7")
@pytest.mark.parametrize("scheme", ["mysql", "postgresql"])
def test_files_in_the_url_of_a_server_are_relative_to_the_configuration(
    tmp_path: Path, scheme: str
) -> None:
    folder = tmp_path / "a b&c"
    folder.mkdir()
    query = "ssl_ca=ca.pem&ssl_cert=/etc/c.pem&ssl_key=sub%20x/k.pem"
    (folder / "c.toml").write_text(_toml(("database", "url"), f"{scheme}://u@h/d?{query}"))
    url = database_url(load(folder / "c.toml").database)
    assert url.query == {
        "ssl_ca": f"{folder}/ca.pem",
        "ssl_cert": "/etc/c.pem",
        "ssl_key": f"{folder}/sub x/k.pem",
    }


@pytest.mark.finding("S23")
@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[server]\nprot = 1\n", "server.prot: no such setting; did you mean port?"),
        ("[sever]\nport = 1\n", "sever: no such setting; did you mean server?"),
        ("[policy.json]\nmax_deph = 4\n",
         "policy.json.max_deph: no such setting; did you mean max_depth?"),
        ("[policies.a.scope]\nunknwn = 'drop'\n",
         "policies.a.scope.unknwn: no such setting; did you mean unknown?"),
        ("[tenants.a]\npth = '/x'\n", "tenants.a.pth: no such setting; did you mean path?"),
        ("[server]\nqqqqqq = 1\n", "server.qqqqqq: no such setting"),
    ],
)  # fmt: skip
def test_a_mistyped_key_is_told_what_it_may_mean(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "c.toml").write_text(content)
    with pytest.raises(ConfigurationError) as refusal:
        load(tmp_path / "c.toml")
    line = 1 if told.startswith("sever:") else 2
    assert str(refusal.value) == f"{told} (from {tmp_path / 'c.toml'}, line {line})"
