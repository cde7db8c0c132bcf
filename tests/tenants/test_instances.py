"""Two server processes on one database: what is changed at one counts at the other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.databases import migrated
from harness.long_run import only_long
from harness.process import ServerProcess, run_to_end, serving

_SEEN_SECONDS = 2.0
_GONE_SECONDS = 30.0
_BODY = {"redirect_uris": ["https://client.example.org/cb"]}


def _status(server: ServerProcess, path: str) -> int:
    url = f"{server.base_url}{path}/register"
    return httpx.post(url, json=_BODY, trust_env=False).status_code


def _seconds_until(server: ServerProcess, path: str, status: int) -> float:
    started_at = time.monotonic()
    while _status(server, path) != status:
        assert time.monotonic() - started_at < _GONE_SECONDS
        time.sleep(0.05)
    return time.monotonic() - started_at


@pytest.mark.parametrize("backend", ["sqlite", pytest.param("postgresql", marks=only_long)])
def test_a_change_at_one_process_counts_at_the_other(tmp_path: Path, backend: str) -> None:
    with (
        migrated(backend) as url,
        serving(tmp_path, url) as here,
        serving(tmp_path, url) as there,
    ):
        issued = run_to_end(
            "token", "issue", "admin", "--role", "administrator", "--tenant", "*",
            env={"DCR_DATABASE__URL": url},
        )  # fmt: skip
        headers = {"Authorization": f"Bearer {issued.stdout.strip()}"}

        def ask(method: str, path: str, body: Any = None) -> httpx.Response:
            url = f"{here.base_url}/admin/v1/tenants{path}"
            return httpx.request(method, url, json=body, headers=headers, trust_env=False)

        assert ask("POST", "", {"name": "acme"}).status_code == 201
        assert _status(here, "/t/acme") == 201
        assert _seconds_until(there, "/t/acme", 201) < _SEEN_SECONDS
        assert ask("POST", "/acme/suspend").status_code == 200
        assert _seconds_until(there, "/t/acme", 503) < _SEEN_SECONDS
        assert ask("DELETE", "/acme").status_code == 202
        assert _status(here, "/t/acme") == 404
        assert _seconds_until(there, "/t/acme", 404) < _SEEN_SECONDS
        # A worker of one of them deletes what is in it.
        ends_at = time.monotonic() + 3 * _GONE_SECONDS
        while ask("GET", "/acme").status_code != 404:
            assert time.monotonic() < ends_at
            time.sleep(0.2)
