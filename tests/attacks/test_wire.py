"""Octets that no honest client sends, to a real server process for each way of answering."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from httpx import codes

from dcrserver.edge.http_protocol import ANSWERING
from harness.long_run import rounds
from harness.process import ServerProcess, serving

_BODY = b'{"redirect_uris":["https://client.example.org/cb"]}'
_GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
_POST = b"POST /register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
_LENGTH = b"Content-Length: %d\r\n\r\n" % len(_BODY)
_CLOSE = b"Connection: close\r\n"


@pytest.fixture(scope="module", params=ANSWERING)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    env = {"DCR_SERVER__HTTP": request.param}
    with serving(tmp_path_factory.mktemp("wire"), env=env) as started:
        yield started


@pytest.fixture(scope="module", params=ANSWERING)
def impatient(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A server of its own: it would be so with the others as well, when the machine is busy."""
    env = {"DCR_SERVER__HEAD_SECONDS": "1", "DCR_SERVER__HTTP": request.param}
    with serving(tmp_path_factory.mktemp("impatient"), env=env) as started:
        yield started


def _connected(server: ServerProcess) -> socket.socket:
    host, port = server.base_url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def _exchange(server: ServerProcess, *sent: bytes) -> bytes:
    """What comes until the server closes."""
    with _connected(server) as peer:
        with contextlib.suppress(ConnectionError):
            for part in sent:
                peer.sendall(part)
        return _received(peer)


def _received(peer: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := peer.recv(65536):
            received += part
    return received


def _memory(server: ServerProcess) -> int:
    """Megabytes that the process has."""
    status = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def _ended(server: ServerProcess, reason: str) -> float:
    """How many connections the server says it ended for ``reason``."""
    told = httpx.get(f"{server.base_url}/metrics", trust_env=False).text
    _, _, after = told.partition(f'dcrserver_ended_connections_total{{reason="{reason}"}} ')
    return float(after.split("\n")[0] or 0)


def test_a_client_is_registered_read_changed_and_deleted(server: ServerProcess) -> None:
    """What honest clients send, on one connection, before all that is sent by others."""
    wanted = {"redirect_uris": ["https://client.example.org/cb"]}
    with httpx.Client(base_url=server.base_url, trust_env=False) as peer:
        made = peer.post("/register", json=wanted)
        assert made.status_code == codes.CREATED
        kept = made.json()
        at = kept["registration_client_uri"]
        peer.headers["Authorization"] = f"Bearer {kept['registration_access_token']}"
        assert peer.get(at).json()["client_id"] == kept["client_id"]
        renamed = wanted | {"client_id": kept["client_id"], "client_name": "Renamed"}
        changed = peer.put(at, json=renamed)
        assert changed.json()["client_name"] == "Renamed"
        peer.headers["Authorization"] = f"Bearer {changed.json()['registration_access_token']}"
        assert peer.head(at).content == b""
        deleted = peer.delete(at)
        assert (deleted.status_code, deleted.content) == (codes.NO_CONTENT, b"")
        assert peer.get(at).status_code == codes.UNAUTHORIZED


_MALFORMED = {
    "two hosts": _GET + b"Host: a\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "another version": b"GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/2 at once": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel": b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "length and chunked": _POST + b"Transfer-Encoding: chunked\r\n" + _LENGTH,
    "two lengths": _POST + b"Content-Length: 51\r\n" + _LENGTH,
    "chunked twice": _POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "another coding": _POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked in 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare line feed": b"GET /healthz HTTP/1.1\nHost: a\n\n",
    "a folded line": _GET + b"A: b\r\n c\r\n\r\n",
    "a space before the colon": _GET + b"A : b\r\n\r\n",
    "a length of noughts": _POST + b"Content-Length: " + b"0" * 5000 + b"\r\n\r\n",
    "a chunk that is none": _POST + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
    "a target of no URL": b"GET http://[/healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target of no port": b"GET http://a:99999/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target of an authority": b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.finding("S5", "S17", "S27")
@pytest.mark.parametrize("sent", _MALFORMED.values(), ids=_MALFORMED)
def test_what_two_could_read_differently_is_refused(server: ServerProcess, sent: bytes) -> None:
    received = _exchange(server, sent)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1
    assert b'"error":"invalid_request"' in received


@pytest.mark.finding("S5", "S17", "S27")
@pytest.mark.parametrize("sent", _MALFORMED.values(), ids=_MALFORMED)
@pytest.mark.parametrize("together", [True, False])
def test_it_is_refused_behind_others_in_its_turn(
    server: ServerProcess, sent: bytes, *, together: bool
) -> None:
    """Whoever got no answer, and was not waited for, would keep the connection for ever."""
    received = b""
    with _connected(server) as peer:
        if together:
            peer.sendall((_GET + b"\r\n") * 2 + sent)
        else:
            peer.sendall(_GET + b"\r\n")
            received = peer.recv(65536)
            peer.sendall(_GET + b"\r\n")
            received += peer.recv(65536)
            peer.sendall(sent)
        with contextlib.suppress(ConnectionError):
            while part := peer.recv(65536):
                received += part
    assert [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"400"]


@pytest.mark.parametrize("target", [b"http://a", b"http://a?b", b"HTTP://A/", b"http://a:80/?b"])
def test_a_target_may_be_the_whole_url(server: ServerProcess, target: bytes) -> None:
    """RFC 9112 3.2.2; an empty path is / (RFC 9110 4.2.3)."""
    received = _exchange(server, b"GET %s HTTP/1.1\r\nHost: a\r\n" % target + _CLOSE + b"\r\n")
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b'"name":"dcrserver"' in received


@pytest.mark.finding("S2")
@pytest.mark.parametrize(
    "sent",
    [
        _GET + b"a: b\r\n" * 200_000,
        _GET + b"a: " + b"b" * 2_000_000,
        b"GET /" + b"a" * 2_000_000,
        _POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 2_000_000,
        _POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\na: " + b"b" * 2_000_000,
    ],
    ids=["many fields", "a long field", "a long path", "a long chunk line", "a long trailer"],
)
def test_a_head_is_bounded(server: ServerProcess, sent: bytes) -> None:
    before = _memory(server)
    assert _exchange(server, sent).startswith(b"HTTP/1.1 431 ")
    assert _memory(server) - before < 20


@pytest.mark.finding("S3", "R2")
def test_requests_wait_in_the_socket_and_not_in_memory(server: ServerProcess) -> None:
    request = b"GET / HTTP/1.1\r\nHost:\r\n\r\n"
    before, most = _memory(server), 0
    with _connected(server) as peer:
        peer.settimeout(1)
        with contextlib.suppress(TimeoutError, ConnectionError):
            for _ in range(60):
                peer.sendall(request * 10_000)
                most = max(most, _memory(server))
    assert most - before < 30


@pytest.mark.finding("S3")
def test_answers_keep_the_order_of_their_requests(server: ServerProcess) -> None:
    paths = [b"/healthz", b"/none", b"/healthz", b"/readyz"] * 50
    sent = b"".join(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path for path in paths)
    received = _exchange(server, sent, _GET + _CLOSE + b"\r\n")
    statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"404" if path == b"/none" else b"200" for path in paths] + [b"200"]


@pytest.mark.finding("S5")
@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"h2c, websocket"])
def test_the_body_of_who_offers_to_upgrade_is_a_body(
    server: ServerProcess, protocol: bytes
) -> None:
    head = _POST + b"Connection: Upgrade\r\nUpgrade: %s\r\n" % protocol
    hidden = b"DELETE /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
    head += b"Content-Length: %d\r\n\r\n"
    end = _GET + _CLOSE + b"\r\n"
    for body, status in ((_BODY, b"201"), (hidden, b"400")):
        for sent in ([head % len(body) + body], [head % len(body), body]):
            received = _exchange(server, *sent, end)
            statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
            assert statuses == [status, b"200"]


@pytest.mark.finding("S1")
def test_a_trailer_is_no_header(server: ServerProcess) -> None:
    chunks = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n" % (len(_BODY), _BODY)
    trailer = b"Content-Type: text/plain\r\nHost: b\r\nAuthorization: Bearer none\r\n\r\n"
    received = _exchange(server, _POST + _CLOSE + chunks + trailer)
    assert received.startswith(b"HTTP/1.1 201 ")


@pytest.mark.finding("S11")
def test_a_head_that_does_not_come_ends_the_connection(impatient: ServerProcess) -> None:
    """All at once, as each is waited for."""
    heads = {b"": "idle", b"\r\n": "idle", b"GET / HTTP/1.1\r\nHos": "too_slow"}
    before = {reason: _ended(impatient, reason) for reason in heads.values()}
    with contextlib.ExitStack() as stack:
        peers = {head: stack.enter_context(_connected(impatient)) for head in heads}
        for head, peer in peers.items():
            peer.sendall(head)
        for head, peer in peers.items():
            is_begun = heads[head] == "too_slow"
            assert _received(peer).startswith(b"HTTP/1.1 408 ") == is_begun, head
    for reason, number in Counter(heads.values()).items():
        assert _ended(impatient, reason) >= before[reason] + number


@pytest.mark.finding("S11")
def test_the_longest_idle_gives_way(tmp_path: Path) -> None:
    with (
        serving(tmp_path, env={"DCR_SERVER__MAX_CONNECTIONS": "8"}) as server,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(40):
            stack.enter_context(_connected(server))
        received = _exchange(server, b"GET /metrics HTTP/1.1\r\nHost: a\r\n" + _CLOSE + b"\r\n")
    assert b"dcrserver_open_connections 8" in received
    assert b'dcrserver_ended_connections_total{reason="gave_way"}' in received


@pytest.mark.finding("S11")
def test_idle_connections_do_not_take_all_descriptors(tmp_path: Path) -> None:
    with serving(tmp_path) as server, contextlib.ExitStack() as stack:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (128, 128))
        for _ in range(140):
            stack.enter_context(_connected(server))
        for sent, status in (
            (_POST + _CLOSE + _LENGTH + _BODY, b"201"),
            (_GET + _CLOSE + b"\r\n", b"200"),
        ):
            assert _exchange(server, sent).startswith(b"HTTP/1.1 " + status)


@pytest.mark.finding("S11")
def test_one_more_than_all_that_are_at_work_is_told_to_come_later(tmp_path: Path) -> None:
    with (
        serving(tmp_path, env={"DCR_SERVER__MAX_CONNECTIONS": "3"}) as server,
        contextlib.ExitStack() as stack,
    ):
        peers = [stack.enter_context(_connected(server)) for _ in range(3)]
        for peer in peers:  # "100 Continue" tells that somebody waits for the body
            peer.sendall(_POST + _CLOSE + b"Expect: 100-continue\r\n" + _LENGTH)
            assert peer.recv(65536).startswith(b"HTTP/1.1 100 ")
        received = _exchange(server, _GET + b"\r\n")
        assert received.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in received
        for peer in peers:
            peer.sendall(_BODY)
            assert peer.recv(65536).startswith(b"HTTP/1.1 201 ")


@pytest.mark.finding("R2")
def test_answers_that_nobody_reads_end_the_connection(tmp_path: Path) -> None:
    number, request = (
        rounds(10, long=30),
        b"GET /.well-known/openid-configuration HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    with (
        serving(tmp_path, env={"DCR_SERVER__WRITE_SECONDS": "2"}) as server,
        contextlib.ExitStack() as stack,
    ):
        before = most = _memory(server)
        for _ in range(number):
            peer = stack.enter_context(_connected(server))
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.settimeout(0)  # as much as there is room for
            assert peer.send(request * 5000) > len(request)
        deadline = time.monotonic() + 60
        while _ended(server, "not_read") < number and time.monotonic() < deadline:
            most = max(most, _memory(server))
            time.sleep(0.1)
        assert _ended(server, "not_read") == number
    assert most - before < number  # megabytes, of thousands of answers to each
