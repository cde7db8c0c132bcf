"""A real server process, started as the README says and stopped as an operator would."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

COMMAND = [sys.executable, "-m", "dcrserver"]
_START_SECONDS = 30
# Of ports that this process has, for as long as it lives.
_SIGNS: list[socket.socket] = []


@dataclass
class ServerProcess:
    base_url: str
    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def log(self) -> str:
        return self.log_path.read_text("utf-8", "replace")

    def stop(self, seconds: float = 15) -> int:
        """Sends SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the server did not stop in {seconds} s:\n{self.log}") from None


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def lasting_port() -> int:
    """A free port that stays free while its server is away: from below those that the system gives
    to connections, as one that is made to a port which nobody listens at may get that very port.
    No other of our processes gets it: its number among the ports of UDP is taken for a sign.
    """
    while True:
        port = random.randrange(15_000, 32_000)  # noqa: S311 - no secret
        sign = socket.socket(type=socket.SOCK_DGRAM)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            sign.bind(("127.0.0.1", port))
            _SIGNS.append(sign)
            return port
        sign.close()


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until somebody listens there."""
    ends_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends_at and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"{process.args} does not listen")


def environment(**settings: str) -> dict[str, str]:
    """Our environment without settings of the developer's own, plus ``settings``.

    Nor one that forbids to keep compiled code: each of hundreds of servers would compile it anew.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONDONTWRITEBYTECODE"
        and (not name.startswith("DCR_") or name.startswith("DCR_TEST_"))
    }
    return inherited | settings


@contextmanager
def serving(
    folder: Path,
    database_url: str | None = None,
    arguments: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
    log_to: int | None = None,
) -> Iterator[ServerProcess]:
    """A server that answers, on a port of its own; its log: in ``folder``, or ``log_to``."""
    port = free_port()
    base_url = f"http://{host}:{port}"
    settings = {
        "DCR_SERVER__BASE_URL": base_url,
        "DCR_DATABASE__URL": database_url or f"sqlite:///{folder}/dcrserver.db",
        "DCR_RATE_LIMITS__ENABLED": "false",
        "DCR_SERVER__DRAIN_SECONDS": "0",
    }
    log_path = folder / f"server-{port}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", str(port), *arguments],
            cwd=folder,
            env=environment(**(settings | dict(env or {}))),
            stdout=log,
            stderr=log if log_to is None else log_to,
        )
    server = ServerProcess(base_url, process, log_path)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        server.stop()


def _wait_until_ready(server: ServerProcess) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            if httpx.get(f"{server.base_url}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{server.log}")
