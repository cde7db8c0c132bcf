"""Providers of administrators: what would let in who is none is refused at the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcrserver.settings import AdminSettings, ConfigurationError, load

_GOOD = 'issuer = "https://id.example.com"\naudience = "dcr"\n'


def _loaded(tmp_path: Path, content: str) -> AdminSettings:
    file = tmp_path / "c.toml"
    file.write_text(content)
    return load(file).admin


def test_an_issuer_and_an_audience_are_enough(tmp_path: Path) -> None:
    provider = _loaded(tmp_path, f"[admin.providers.corp]\n{_GOOD}").providers["corp"]
    assert provider.require_at_jwt
    assert "RS256" in provider.algorithms
    assert provider.tenants == ("*",)


def test_a_provider_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = "DCR_ADMIN__PROVIDERS__corp__"
    monkeypatch.setenv(f"{prefix}ISSUER", "http://127.0.0.1:3000")
    monkeypatch.setenv(f"{prefix}AUDIENCE", "dcr")
    monkeypatch.setenv(f"{prefix}ALGORITHMS", "ES256,RS256")
    monkeypatch.setenv(f"{prefix}SCOPES", '{"dcr-admins": ["administrator"]}')
    provider = load().admin.providers["corp"]
    assert provider.algorithms == ("ES256", "RS256")
    assert provider.scopes == {"dcr-admins": ("administrator",)}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_provider_of_this_machine_needs_no_tls(tmp_path: Path, host: str) -> None:
    issuer = f"http://{host}:3000"
    line = f'[admin.providers.a]\nissuer = "{issuer}"\naudience = "dcr"\n'
    assert _loaded(tmp_path, line).providers["a"].issuer == issuer


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('issuer = "http://id.example.com"\naudience = "x"', "issuer: must be an https URL"),
        ('issuer = "https://id.example.com?x"\naudience = "x"', "issuer: must not hold"),
        ('issuer = "https://id.example.com"', "audience: is required"),
        (_GOOD + 'audience_ = "x"', "audience_: no such setting; did you mean audience?"),
        (_GOOD + 'jwks_uri = "http://id.example.com/jwks"', "jwks_uri: must be an https URL"),
        (_GOOD + 'jwks_uri = "jwks"', "jwks_uri: is not an absolute URI"),
        (_GOOD + 'algorithms = ["HS256"]', "algorithms: 'HS256' is no asymmetric algorithm"),
        (_GOOD + 'algorithms = ["RS256", "none"]', "algorithms: 'none' is no asymmetric"),
        (_GOOD + "algorithms = []", "algorithms: "),
        (_GOOD + "clock_skew = 301", "clock_skew: "),
        (_GOOD + 'roles_claim = ""', "roles_claim: "),
    ],
)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, lines: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        _loaded(tmp_path, f"[admin.providers.corp]\n{lines}\n")
    assert f"admin.providers.corp.{told}" in str(refusal.value)


def test_two_providers_have_two_issuers(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"two providers have the issuer https://id\."):
        _loaded(tmp_path, f"[admin.providers.a]\n{_GOOD}[admin.providers.b]\n{_GOOD}")


def test_the_name_of_a_provider_is_a_short_word(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="a provider's name has 1 to 32 letters"):
        _loaded(tmp_path, f'[admin.providers."a:b"]\n{_GOOD}')
