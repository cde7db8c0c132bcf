"""The configuration explains itself: a file with everything, and what was set where."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from dcrserver.settings import ConfigurationError, Settings, load
from dcrserver.settings.catalogue import sample
from harness.commands import Commands
from harness.long_run import rounds
from harness.metadata_server import metadata_server
from harness.process import environment, free_port
from harness.statements import key_set
from harness.tls import certified


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(monkeypatch, capsys, "sqlite:///none.db")


def _keys(hint: Any, key: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every setting there is, from the types alone; those with a name of their own as NAME."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        for name, field in hint.model_fields.items():
            yield from _keys(field.annotation, (*key, field.alias or name))
    elif get_origin(hint) is dict and get_args(hint)[1] is not Any:
        if key != ("policies",):  # whose keys are those of [policy]
            yield from _keys(get_args(hint)[1], (*key, "NAME"))
    else:
        yield key


def _with_all_keys() -> dict[str, Any]:
    """The sample with every key set; to its default, or to no text where there is none."""
    text = re.sub(r"^#(\[|\w+ =)", r"\1", sample(), flags=re.MULTILINE)
    return tomllib.loads(re.sub(r"^(\w+ =)$", r"\1 ''", text, flags=re.MULTILINE))


def test_the_sample_has_every_setting() -> None:
    document = _with_all_keys()
    for key in _keys(Settings):
        found: Any = document
        for part in key:
            assert part in found, f"{'.'.join(key)} is missing"
            found = found[part]


def test_the_sample_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(sample())
    assert load(file).model_dump() == load().model_dump()
    # Nor does any of its values, where it is taken out of its comment.
    before_tables = re.split(r"^#\[", sample(), maxsplit=1, flags=re.MULTILINE)[0]
    file.write_text(re.sub(r"^#(\w+ = .)", r"\1", before_tables, flags=re.MULTILINE))
    loaded, default = load(file).model_dump(), load().model_dump()
    assert loaded.pop("database")["url"].get_secret_value().endswith(f"{tmp_path}/dcrserver.db")
    default.pop("database")
    assert loaded == default


def test_what_was_set_is_told_with_its_place(
    check: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        "webfinger = [\n  'a.example',\n]\n[server]\nhost = '127.0.0.1'\nport = 8123\n"
        "[policy]\npreset = 'mcp'\njwks = { max_keys = 7 }\n"
        "[tenants.acme]\nmode = 'protected'\n[tenants.plain]\n"
        "[[policy.statements]]\nname = 'a'\nthen.hold = true\n"
    )
    monkeypatch.setenv("DCR_REGISTRATION__MODE", "closed")
    monkeypatch.setenv("DCR_TOKENS", '{"lifetime": 60}')
    monkeypatch.setenv("DCR_SECRETS__ENCRYPTION_KEYS", "A" * 43 + "=")
    told = json.loads(check("config", "check", "--config", str(file), "--offline"))
    places = {each["key"]: each["origin"] for each in told["changes"]}
    assert places.pop("policy.scope.default") == "policy.preset"
    assert {name: place for name, place in places.items() if place != "policy.preset"} == {
        "database.url": "DCR_DATABASE__URL",
        "webfinger": f"{file}, line 1",
        "server.base_url": "follows from other settings",
        "server.port": f"{file}, line 6",
        "policy.preset": f"{file}, line 8",
        "policy.jwks.max_keys": f"{file}, line 9",
        "tenants.acme.mode": f"{file}, line 11",
        "tenants.plain": f"{file}, line 12",
        "policy.statements": f"{file}, line 13",
        "registration.mode": "DCR_REGISTRATION__MODE",
        "tokens.lifetime": "DCR_TOKENS",
        "secrets.encryption_keys": "DCR_SECRETS__ENCRYPTION_KEYS",
    }
    values = {each["key"]: (each["value"], each["default"]) for each in told["changes"]}
    assert values["server.port"] == (8123, 8000)
    assert values["secrets.encryption_keys"] == (["**********"], [])
    shown = check("config", "check", "--config", str(file), "--offline", "-o", "table")
    assert re.search(
        rf"^server\.port +8123 +8000 +{re.escape(str(file))}, line 6$", shown, re.MULTILINE
    )
    assert "AAAA" not in shown


def test_nothing_set_is_told(check: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DCR_DATABASE__URL")
    assert "every setting is at its default" in check("config", "check", "-o", "table")


def test_the_database_and_redis_are_tried(
    check: Commands, run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = json.loads(run("config", "check"))["trials"]
    assert trials["database"] == {"usable": True, "text": "answers, and its schema is good"}
    assert trials["redis"] == {"usable": True, "text": "not configured"}
    monkeypatch.setenv("DCR_DATABASE__URL", f"sqlite:///{tmp_path}/nothing.db")
    assert "serve makes it" in check("config", "check", "-o", "table")
    nobody = free_port()
    monkeypatch.setenv("DCR_REDIS__URL", f"redis://:very-secret@127.0.0.1:{nobody}/0")
    told = check.both("config", "check", "-o", "table", status=1)
    assert re.search(rf"^redis: cannot be used: .*{nobody}", told.out, re.MULTILINE)
    monkeypatch.delenv("DCR_REDIS__URL")
    monkeypatch.setenv("DCR_DATABASE__URL", f"postgresql://u:very-secret@127.0.0.1:{nobody}/d")
    told = check.both("config", "check", "-o", "table", status=1)
    assert "database: cannot be used: " in told.out
    assert "very-secret" not in told.out + told.err
    assert check("config", "check", "--offline")


def test_offline_no_database_is_opened(
    check: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor for a client that is checked, where nothing is known from a URL."""
    file = tmp_path / "not-a-database"
    file.write_text("anything")
    monkeypatch.setenv("DCR_DATABASE__URL", f"sqlite:///{file}")
    client = tmp_path / "client.json"
    client.write_text('{"redirect_uris": ["https://a.example/cb"]}')
    assert "not a database" in check("client", "list", status=1)
    assert check("config", "check", "--offline", "-o", "table")
    assert "acceptable" in check("client", "check", str(client))
    assert [each.name for each in tmp_path.iterdir()] == [file.name, client.name]
    monkeypatch.setenv("DCR_AUTHORIZATION_SERVER__METADATA", "https://as.example/metadata")
    told = json.loads(check("config", "check", "--offline"))
    assert (told["effective"], told["trials"]) == ({"default": None}, {})
    assert told["authorization_server_metadata"] == {}
    shown = check("config", "check", "--offline", "-o", "table")
    assert "tenant default: the metadata of its authorization server are not known here" in shown


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("database.url", "oracle://h/d"),
        ("database.url", "postgresql://h/d?sslmod=x"),
        ("outbound.ca_file", "/nope"),
        ("secrets.encryption_keys", "short"),
        ("rate_limits.open_registration", "often"),
        ("rate_limits.open_registration_total", "often"),
        ("rate_limits.open_registration_attempts", "often"),
        ("rate_limits.failed_authentication", "often"),
        ("redis.url", "nothing://h"),
        ("authorization_server.metadata", "/nope.json"),
        ("tenants.a.policy", "none"),
        ("tenants.a.path", "/register"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--offline",)], ids=["", "offline"])
def test_what_no_server_would_start_with_is_found(
    check: Commands,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    options: tuple[str, ...],
) -> None:
    """What only shows when something is built of it."""
    monkeypatch.delenv("DCR_DATABASE__URL")
    group, _, key = setting.rpartition(".")
    text = json.dumps([value] if key == "encryption_keys" else value)
    file = tmp_path / "c.toml"
    file.write_text(f"[{group}]\n{key} = {text}\n")
    told = check("config", "check", "--config", str(file), *options, status=1)
    assert told.startswith("dcrserver: configuration: "), told
    assert ("tenants.a" if "tenants" in group else setting) in told


def test_what_https_cannot_be_served_by_is_found(
    check: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    _, roots = certified(tmp_path)
    certified(tmp_path / "other")
    own, foreign = tmp_path / "server.pem", tmp_path / "other" / "server.pem"
    monkeypatch.setenv("DCR_TLS__CERTIFICATE_FILE", str(own))
    monkeypatch.setenv("DCR_TLS__CLIENT_CA_FILE", str(roots))
    assert check("config", "check", "--offline")
    cases = [
        ("KEY_FILE", str(foreign), "no PEM, or a key of another certificate"),
        ("KEY_FILE", "gone.pem", "No such file"),
        ("CLIENT_CA_FILE", str(tmp_path), "Is a directory"),
    ]
    for name, file, reason in cases:
        with monkeypatch.context() as patch:
            patch.setenv(f"DCR_TLS__{name}", file)
            told = check("config", "check", "--offline", status=1)
        assert re.search(rf"configuration: tls: .*{re.escape(file)}.*: {reason}", told), told


def test_what_is_printed_is_json_where_something_is_logged_too(tmp_path: Path) -> None:
    """In a process of its own, as nobody told structlog there where lines go."""
    told = subprocess.run(
        [sys.executable, "-m", "dcrserver", "config", "check", "--json"],
        env=environment(DCR_REDIS__URL=f"redis://127.0.0.1:{free_port()}/0"),
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert json.loads(told.stdout)["trials"]["redis"]["usable"] is False
    assert "rate_limit_store_failed" in told.stderr


def test_two_of_the_same_are_equal_texts(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dcrserver", "config", "check", "--offline", "--json"]
    told = {
        subprocess.run(
            command,
            cwd=tmp_path,
            env=environment(PYTHONHASHSEED=str(seed)),
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in range(rounds(2, long=3))
    }
    assert len(told) == 1


def test_a_mistyped_variable_is_told_what_it_may_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCR_SERVRE__PORT", "1")
    with pytest.raises(ConfigurationError, match=r"DCR_SERVRE__PORT.*did you mean DCR_SERVER"):
        load()
    monkeypatch.delenv("DCR_SERVRE__PORT")
    monkeypatch.setenv("DCR_SERVER__PROT", "1")
    with pytest.raises(ConfigurationError, match="did you mean"):
        load()


@pytest.mark.parametrize(
    ("table", "meant"),
    [
        ("policy.mgmt]\ndelete = true", "policy.mgmt: no such setting; did you mean management?"),
        ("policies.x.ext]\nunsupported = 1", "did you mean extensions?"),
        ("policy.alg]\nunsupported = 1", "did you mean algorithms?"),
        ("policy.lang]\ncase_duplicates = 1", "did you mean languages?"),
        ("policy.management]\nrat_lifetime = 1", "mean registration_access_token_lifetime?"),
    ],
)
def test_a_key_of_before_is_told_its_name_of_today(tmp_path: Path, table: str, meant: str) -> None:
    file = tmp_path / "old.toml"
    file.write_text(f"[{table}\n")
    with pytest.raises(ConfigurationError, match=re.escape(meant)):
        load(file)


def test_where_issuers_of_software_statements_have_their_keys_is_tried(
    check: Commands, tmp_path: Path
) -> None:
    """What fails is told on stderr, too, where the answer is JSON: a pipeline shows that."""
    file, away = tmp_path / "c.toml", f"http://127.0.0.1:{free_port()}/jwks"
    with metadata_server() as keys, metadata_server() as none:
        keys.says, none.says = key_set(), {"keys": []}
        issuer = '{{ issuer = "https://{}.example", jwks_uri = "{}" }}'
        issuers = [issuer.format(n, each.location) for n, each in (("a", keys), ("b", none))]
        other = f'issuer = "https://c.example"\njwks_uri = "{away}"\n'
        file.write_text(
            f"software_statements = [{', '.join(issuers)}]\n"
            f"[[tenants.acme.software_statements]]\n{other}"
        )
        told = check.both("config", "check", "--config", str(file), "--json", status=1)
        trials = json.loads(told.out)["trials"]
        assert trials[f"software_statements {keys.location}"]["usable"] is True
        for place, reason in ((none.location, "holds no key"), (away, "ConnectError")):
            trial = trials[f"software_statements {place}"]
            assert (trial["usable"], reason in trial["text"]) == (False, True), trial
            assert f"software_statements {place}: cannot be used: " in told.err
        assert keys.location not in told.err
        asked = keys.asked
        told = check.both("config", "check", "--config", str(file), "-o", "table", status=1)
        assert f"software_statements {away}: cannot be used: " in told.out
        assert "cannot be used" not in told.err
        check("config", "check", "--config", str(file), "--offline")
        assert keys.asked == asked + 1, "offline nobody is asked"


def test_a_provider_that_is_away_is_told_where_the_answer_is_no_table(
    check: Commands, tmp_path: Path
) -> None:
    file, away = tmp_path / "c.toml", f"https://127.0.0.1:{free_port()}"
    file.write_text(f'[admin.providers.corp]\nissuer = "{away}"\naudience = "x"\n')
    told = check.both("config", "check", "--config", str(file), status=1)
    assert "admin.providers.corp: cannot be used: " in told.err
    assert json.loads(told.out)["trials"]["admin.providers.corp"]["usable"] is False
