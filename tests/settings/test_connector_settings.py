"""[connectors.NAME]: each kind with what it needs, and nothing of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcrserver.settings import ConfigurationError, ConnectorSettings, load

_GOOD = {
    "keycloak": 'url = "https://id.example"\nrealm = "r"\nclient_id = "dcr"\nclient_secret = "x"\n',
    "hydra": 'url = "http://127.0.0.1:4445"\n',
    "rfc7591": 'registration_endpoint = "https://id.example/register"\n',
    "json_file": 'path = "clients.jsonl"\n',
    "sql": 'database_url = "sqlite:////tmp/x"\n',
}


def _loaded(folder: Path, lines: str) -> ConnectorSettings:
    (folder / "dcr.toml").write_text(f"[connectors.a]\n{lines}")
    return load(folder / "dcr.toml").connectors["a"]


@pytest.mark.parametrize("kind", _GOOD)
def test_each_kind_is_there_with_what_it_needs(tmp_path: Path, kind: str) -> None:
    settings = _loaded(tmp_path, f'kind = "{kind}"\n{_GOOD[kind]}')
    assert settings.provision == "before"
    assert settings.tenants == ()
    assert settings.drift == "report"


@pytest.mark.parametrize("kind", _GOOD)
def test_each_kind_says_what_is_missing(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"connectors\.a: kind {kind} needs "):
        _loaded(tmp_path, f'kind = "{kind}"\n')


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (f'kind = "hydra"\n{_GOOD["hydra"]}realm = "r"\n', "realm is not for kind hydra"),
        ('kind = "hydra"\nurl = "http://10.0.0.1:4445"\n', "url must be https, unless it is this"),
        ('kind = "hydra"\nurl = "https://a:b@c.example"\n', "url must not hold credentials"),
        ('kind = "hydra"\nurl = "ftp://c.example"\n', "url must be an http or https URL"),
        (
            f'kind = "keycloak"\n{_GOOD["keycloak"]}private_key_file = "k.pem"\n',
            "needs exactly one of client_secret, private_key_file",
        ),
        ('kind = "ldap"\n', "kind: must be"),
    ],
)
def test_a_mistake_is_told_by_its_key(tmp_path: Path, lines: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _loaded(tmp_path, lines)
    assert "connectors.a" in str(caught.value)
    assert told in str(caught.value)


def test_plain_http_to_other_machines_is_the_operator_s_own_wish(tmp_path: Path) -> None:
    lines = 'kind = "hydra"\nurl = "http://10.0.0.1:4445"\ninsecure = true\n'
    assert _loaded(tmp_path, lines).url == "http://10.0.0.1:4445"


def test_secrets_come_from_files_and_are_shown_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden-7\n")
    lines = _GOOD["keycloak"].replace('client_secret = "x"', 'client_secret_file = "secret"')
    settings = _loaded(tmp_path, f'kind = "keycloak"\n{lines}')
    assert settings.client_secret is not None
    assert settings.client_secret.get_secret_value() == "hidden-7"
    assert "hidden-7" not in repr(settings)
    assert "hidden-7" not in settings.model_dump_json()
