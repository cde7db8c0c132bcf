"""Long texts from strangers leave nothing behind in the memory of a real process."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from harness.process import ServerProcess, serving

pytestmark = pytest.mark.finding("S6")

_REQUESTS = 400
_OCTETS = 60_000
# Had they been kept, it were 24 MB and more.
_MOST_GROWTH = 12 << 20


def _resident(server: ServerProcess) -> int:
    """Octets of memory that the process holds."""
    status = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) << 10


def _ask(client: httpx.Client, path: str, numbers: range) -> set[int]:
    return {
        client.get(path.format(f"{number:x}".rjust(_OCTETS, "a"))).status_code for number in numbers
    }


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/webfinger?resource=https://a.example/{}",
        "/.well-known/webfinger?resource=acct:{}@a.example",
        "/.well-known/webfinger?resource=https://a.example/&rel={}",
        "/authorize?client_id={}",
        "/authorize?client_id=x&redirect_uri=https://a.example/{}",
    ],
)
def test_long_texts_are_not_kept(tmp_path: Path, path: str) -> None:
    with (
        serving(tmp_path) as server,
        httpx.Client(base_url=server.base_url, trust_env=False) as http,
    ):
        _ask(http, path, range(50))  # what a first use makes
        before = _resident(server)
        statuses = _ask(http, path, range(50, 50 + _REQUESTS))
        assert all(400 <= status < 500 for status in statuses)
        assert _resident(server) - before < _MOST_GROWTH
