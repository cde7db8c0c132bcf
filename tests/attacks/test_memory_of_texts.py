"""Long texts from strangers leave nothing behind in the memory of a real process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from harness.long_run import rounds
from harness.process import ServerProcess, serving

pytestmark = pytest.mark.finding("S6")

_REQUESTS = rounds(200, long=400)
_OCTETS = 60_000
# Had half of them been kept, it were more.
_MOST_GROWTH = _REQUESTS * _OCTETS // 2


def _resident(server: ServerProcess) -> int:
    """Octets of memory that the process holds."""
    status = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) << 10


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("memory")) as started:
        yield started


def _ask(connection: HTTPConnection, path: str, numbers: range) -> set[int]:
    statuses = set()
    for number in numbers:
        connection.request("GET", path.format(f"{number:x}".rjust(_OCTETS, "a")))
        with connection.getresponse() as answer:
            answer.read()
        statuses.add(answer.status)
    return statuses


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
def test_long_texts_are_not_kept(server: ServerProcess, path: str) -> None:
    address = server.base_url.removeprefix("http://")
    with closing(HTTPConnection(address, timeout=60)) as connection:
        _ask(connection, path, range(50))  # what a first use makes
        before = _resident(server)
        statuses = _ask(connection, path, range(50, 50 + _REQUESTS))
        assert all(400 <= status < 500 for status in statuses)
        assert _resident(server) - before < _MOST_GROWTH
