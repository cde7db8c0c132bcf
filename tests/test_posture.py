"""What works as it is configured, but is told at the start and by ``config check``."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver import posture


async def found(make_app: MakeApplication, **groups: Any) -> set[str]:
    app = await make_app(**groups)
    return {finding.name for finding in posture.findings(app.runtime)}


@pytest.mark.finding("S15")
async def test_tokens_for_any_resource_where_anybody_registers(make_app: MakeApplication) -> None:
    assert await found(make_app) == {"tokens_for_any_resource"}
    assert not await found(make_app, tokens={"resources": ["https://api.example.com"]})
    assert not await found(make_app, registration={"mode": "protected"})
    assert await found(
        make_app, registration={"mode": "protected"}, tenants={"a": {"mode": "open"}}
    )


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


async def test_what_the_limits_and_the_keys_rely_on(
    make_app: MakeApplication, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(base64.b64encode(bytes(32)).decode())
    for mode in (0o600, 0o644):
        keys.chmod(mode)
        names = await found(make_app, secrets={"encryption_keys_file": keys})
        assert ("secrets_readable_by_others" in names) is (mode == 0o644)
    limited = {"rate_limits": {"enabled": True}, "server": {"trusted_proxies": ("*",)}}
    assert "rate_limits_by_forged_addresses" in await found(make_app, **limited)
