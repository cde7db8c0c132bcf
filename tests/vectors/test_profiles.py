"""Profiles of which the vectors hold no case: each does what its name says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.process import serving

PROFILES = Path(__file__).parent / "profiles"
HTTPS = ["https://client.example.org/cb"]
WEB: dict[str, Any] = {"redirect_uris": HTTPS}
NATIVE: dict[str, Any] = {"redirect_uris": HTTPS, "application_type": "native"}
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# Nothing listens there; the profiles except this very address from the filter.
ABSENT = {"jwks_uri": "https://localhost:9555/jwks.json"}
ELSEWHERE = {"logo_uri": "https://cdn.example.net/logo.png"}
CASES = [
    ("oauth-eager", WEB | ABSENT, 400),
    ("oauth-eager", WEB, 201),
    ("oauth-samehost", WEB | ELSEWHERE, 400),
    ("oauth-samehost", WEB | {"logo_uri": "https://client.example.org/logo.png"}, 201),
    ("oauth-jwtbearer", {"grant_types": [BEARER], "response_types": []}, 201),
    ("rfc8252", NATIVE, 201),
    ("rfc8252", NATIVE | {"redirect_uris": ["http://client.example.org/cb"]}, 400),
    # Their bases, where the same is judged the other way round.
    ("oauth", WEB | ABSENT, 201),
    ("oauth", WEB | ELSEWHERE, 201),
    ("oauth", {"grant_types": [BEARER], "response_types": []}, 400),
    ("oidc", NATIVE, 400),
]

pytestmark = pytest.mark.vectors


def answers(
    profile: str, folder: Path, bodies: list[dict[str, Any]], **env: str
) -> list[httpx.Response]:
    env["DCR_CONFIG"] = str(PROFILES / f"{profile}.toml")
    with serving(folder, env=env) as server, httpx.Client(trust_env=False) as client:
        return [client.post(f"{server.base_url}/register", json=body) for body in bodies]


@pytest.mark.parametrize("profile", sorted({name for name, _, _ in CASES}))
def test_a_profile_does_what_its_name_says(profile: str, tmp_path: Path) -> None:
    cases = [(body, status) for name, body, status in CASES if name == profile]
    found = answers(profile, tmp_path, [body for body, _ in cases])
    assert [answer.status_code for answer in found] == [status for _, status in cases]


def test_the_rate_limited_profile_limits(tmp_path: Path) -> None:
    """More than 60 a minute from one address (POL-47)."""
    found = answers("oauth-ratelimit", tmp_path, [WEB] * 70, DCR_RATE_LIMITS__ENABLED="true")
    refused = [answer for answer in found if answer.status_code == 429]
    assert found[0].status_code == 201
    assert refused
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
