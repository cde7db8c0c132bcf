"""What works as it is configured, but is told at the start and by ``config check``."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver import posture
from harness.application import BASE_URL, application, findings_of
from harness.commands import Commands
from harness.process import serving
from harness.statements import entry


async def found(make_app: MakeApplication, **groups: Any) -> set[str]:
    app = await make_app(**groups)
    return {finding.name for finding in findings_of(app.runtime)}


@pytest.mark.finding("S15")
async def test_tokens_for_any_resource_where_anybody_registers(make_app: MakeApplication) -> None:
    assert await found(make_app) == {"tokens_for_any_resource"}
    assert not await found(make_app, tokens={"resources": ["https://api.example.com"]})
    assert not await found(make_app, registration={"mode": "protected"})
    assert await found(
        make_app, registration={"mode": "protected"}, tenants={"a": {"mode": "open"}}
    )


async def test_software_statements_of_nobody_or_for_nobody(
    make_app: MakeApplication, tmp_path: Path
) -> None:
    entries = {"software_statements": [entry(tmp_path)]}
    quiet = {"tokens": {"resources": ["https://api.example.com"]}}
    for mode in ("allowed", "required"):
        policy = {"policy": {"statements_mode": mode}}
        assert await found(make_app, **policy, **quiet) == {"software_statements_of_nobody"}
        assert not await found(make_app, **policy, **quiet, **entries)
    assert await found(make_app, **quiet, **entries) == {"software_statements_unread"}
    named = {"policies": {"trusting": {"statements_mode": "allowed"}}}
    assert not await found(make_app, **quiet, **entries, **named)


@pytest.mark.finding("S27")
@pytest.mark.parametrize(
    ("base_url", "internal"),
    [
        ("https://server.example.com", False),
        ("http://127.0.0.1:8000", False),
        ("http://localhost:8000", False),
        ("https://10.1.2.3", True),
        ("https://[fd00::1]:8443", True),
        ("https://8.8.8.8", False),
        ("https://auth", True),
        ("https://auth.corp.internal", True),
    ],
)
async def test_pages_of_anybody_and_open_registration_inside(
    make_app: MakeApplication,
    base_url: str,
    internal: bool,  # noqa: FBT001 - a parameter
) -> None:
    name = "open_registration_from_any_page"
    server = {"base_url": base_url}
    assert (name in await found(make_app, server=server)) is internal
    assert name not in await found(make_app, server=server, policy={"cors": {"enabled": False}})
    assert name not in await found(make_app, server=server, registration={"mode": "closed"})


# Settings with which each is found, and what it says beside its text.
_FOUND: dict[str, tuple[dict[str, Any], dict[str, object]]] = {
    "rate_limits_per_worker": ({"server": {"workers": 2}}, {"workers": 2}),
    "rate_limits_in_memory": (
        {"redis": {"url": "redis://127.0.0.1:9/0"}, "rate_limits": {"enabled": True}},
        {"setting": "redis.url"},
    ),
    "rate_limits_by_forged_addresses": (
        {"rate_limits": {"enabled": True}, "server": {"trusted_proxies": ("*",)}},
        {"trusted_proxies": "*"},
    ),
    "base_url_without_tls": (
        {"server": {"base_url": "http://auth.example.com"}},
        {"base_url": "http://auth.example.com"},
    ),
    "client_secret_jwt_without_a_key": (
        {"authorization_server": {"token_endpoint_auth_methods_supported": ["client_secret_jwt"]}},
        {"tenant": "default", "unset": "secrets.encryption_keys"},
    ),
    "tokens_for_any_resource": ({}, {"tenant": "default", "setting": "tokens.resources"}),
    "open_registration_from_any_page": (
        {"server": {"base_url": "https://auth.internal"}},
        {"tenant": "default", "issuer": "https://auth.internal", "setting": "policy.cors.enabled"},
    ),
    "issuer_spelt_otherwise": (
        {"authorization_server": {"issuer": f"{BASE_URL}/"}},
        {"tenant": "default", "issuer": BASE_URL, "authorization_server": f"{BASE_URL}/"},
    ),
    "software_statements_of_nobody": (
        {"policy": {"statements_mode": "required"}},
        {"tenant": "default", "mode": "required", "unset": "software_statements"},
    ),
    "software_statements_unread": (
        {"software_statements": [{"issuer": "a", "jwks_uri": "https://a.example/jwks"}]},
        {"tenant": "default", "setting": "policy.statements_mode"},
    ),
}
_QUIET: dict[str, Any] = {"tokens": {"resources": ["https://api.example.com"]}}


@pytest.mark.finding("S23")
def test_nothing_is_warned_of_without_a_test() -> None:
    elsewhere = {"secrets_readable_by_others", "signing_keys_stored_in_clear"}
    assert {check.name for check in posture.OF_RUNNING} == _FOUND.keys() | elsewhere


@pytest.mark.finding("S23")
@pytest.mark.parametrize("name", _FOUND)
async def test_what_is_warned_of(make_app: MakeApplication, name: str) -> None:
    groups, details = _FOUND[name]
    quiet = await make_app(**_QUIET)
    assert findings_of(quiet.runtime) == []
    app = await make_app(**groups)
    await app.runtime.limiter.check()
    (found,) = (each for each in findings_of(app.runtime) if each.name == name)
    assert found.details == details


@pytest.mark.parametrize(
    ("base_url", "other"),
    [(f"{BASE_URL}/", f"{BASE_URL}/"), (BASE_URL, BASE_URL), (BASE_URL, "https://as.example/")],
)
async def test_the_same_spelling_or_another_issuer_is_not_warned_of(
    make_app: MakeApplication, tmp_path: Path, base_url: str, other: str
) -> None:
    document = tmp_path / "metadata.json"
    document.write_text(json.dumps({"issuer": other, "token_endpoint": f"{BASE_URL}/token"}))
    names = await found(
        make_app,
        server={"base_url": base_url},
        authorization_server={"metadata": str(document)},
    )
    assert "issuer_spelt_otherwise" not in names


@pytest.mark.finding("S23")
async def test_files_of_secrets_are_for_their_owner(
    make_app: MakeApplication, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(base64.b64encode(bytes(32)).decode())
    for mode in (0o600, 0o640, 0o644):
        keys.chmod(mode)
        names = await found(make_app, secrets={"encryption_keys_file": keys})
        assert ("secrets_readable_by_others" in names) is (mode == 0o644)


@pytest.mark.finding("S23")
async def test_signing_keys_in_clear_where_dumps_are_made(any_database: str) -> None:
    for keys in ([], [base64.b64encode(bytes(32)).decode()]):
        async with application(any_database, secrets={"encryption_keys": keys}) as app:
            names = {finding.name for finding in findings_of(app.runtime)}
        is_told = not keys and not any_database.startswith("sqlite")
        assert ("signing_keys_stored_in_clear" in names) is is_told


@pytest.mark.finding("S23")
def test_config_check_tells_what_the_start_warns_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {
        "DCR_SERVER__BASE_URL": "http://auth.internal",
        "DCR_SERVER__TRUSTED_PROXIES": "*",
        "DCR_RATE_LIMITS__ENABLED": "true",
        "DCR_REDIS__URL": "redis://127.0.0.1:9/0",
    }
    with serving(tmp_path, env=env) as server:
        lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    warned = {line["event"] for line in lines if line["level"] == "warning"}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    url = f"sqlite:///{tmp_path}/dcrserver.db"
    # The Redis of it is away, so the check fails.
    printed = Commands(monkeypatch, capsys, url).both("config", "check", status=1)
    told = json.loads(printed.out)["posture"]
    assert len(told) == 5
    assert warned == {each["finding"] for each in told} | {"rate_limit_store_failed"}
