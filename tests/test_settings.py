"""The configuration: file, environment, flags; mistakes are named by their key."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcrserver.settings import ConfigurationError, load


def test_everything_has_a_default() -> None:
    settings = load()
    assert settings.server.base_url == "http://127.0.0.1:8000"
    assert settings.database.url.get_secret_value() == "sqlite:///dcrserver.db"
    assert settings.registration.mode == "open"
    assert settings.rate_limits.enabled


def test_flags_beat_the_environment_and_it_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[server]\nport = 1001\nhost = "::1"\nworkers = 2\n')
    monkeypatch.setenv("DCR_SERVER__PORT", "1002")
    monkeypatch.setenv("DCR_SERVER__HOST", "127.0.0.2")
    server = load(file, server={"port": 1003}).server
    assert (server.port, server.host, server.workers) == (1003, "127.0.0.2", 2)


def test_the_file_can_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[registration]\nmode = "closed"\n')
    monkeypatch.setenv("DCR_CONFIG", str(file))
    assert load().registration.mode == "closed"


def test_the_base_url_follows_the_port_unless_it_is_set() -> None:
    assert load(server={"port": 9000}).server.base_url == "http://127.0.0.1:9000"
    assert load(server={"port": 9, "base_url": "https://x.example/"}).server.base_url == (
        "https://x.example"
    )


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[server]\nprot = 1\n", "server.prot: no such setting"),
        ("[sever]\nport = 1\n", "sever: no such setting"),
        ("[server]\nport = 0\n", "server.port: "),
        ('[registration]\nmode = "opened"\n', "registration.mode: "),
        ("[policy.redirect]\nmax_conut = 1\n", "policy.redirect.max_conut: no such setting"),
        ('[server]\nbase_url = "https://x.example/?a"\n', "server.base_url: "),
        ('[tenants.a]\nbase_url = "x"\n', "tenants.a.base_url: "),
        ("port = [\n", "c.toml: "),
        ("\udcff", "c.toml: "),
    ],
)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, content: str, named: str) -> None:
    file = tmp_path / "c.toml"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigurationError) as refusal:
        load(file)
    assert named in str(refusal.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"/no/such\.toml: No such file"):
        load(Path("/no/such.toml"))


@pytest.mark.parametrize("name", ["DCR_SEVER__PORT", "DCR_PORT", "DCR_SERVER__PROT"])
def test_a_misspelt_variable_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigurationError, match="no such setting"):
        load()


def test_secrets_are_hidden_when_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCR_DATABASE__URL", "postgresql://u:very-secret@h/d")
    monkeypatch.setenv("DCR_SECRETS__ENCRYPTION_KEYS", '["very-secret"]')
    shown = load().model_dump_json()
    assert "very-secret" not in shown


@pytest.mark.parametrize("text", ["a:1,b:2", "a:1, b:2", '["a:1", "b:2"]'])
def test_lists_come_as_json_or_with_commas(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCR_OUTBOUND__ALLOWED_HOSTS", text)
    monkeypatch.setenv("DCR_WEBFINGER", text)
    assert load().outbound.allowed_hosts == {"a:1", "b:2"}
    assert load().webfinger == ("a:1", "b:2")


@pytest.mark.parametrize("name", ["DCR_WEBFINGER", "DCR_TENANTS", "DCR_SERVER"])
def test_broken_json_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "[")
    with pytest.raises(ConfigurationError, match=name.removeprefix("DCR_").lower()):
        load()
