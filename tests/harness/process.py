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
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import httpx

from harness import forked
from harness.databases import sqlite_schema
from harness.environment import environment
from harness.forked import ForkedProcess

COMMAND = [sys.executable, "-m", "dcrserver"]
Process = subprocess.Popen[bytes] | ForkedProcess
_START_SECONDS = 30
# What the tests cover, as in CI: what is forked off a zygote is not.
_IS_MEASURED = "COVERAGE_PROCESS_CONFIG" in os.environ
# Of ports that this process has, for as long as it lives.
_SIGNS = ExitStack()


@dataclass
class ServerProcess:
    base_url: str
    process: Process
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


def lasting_port(number: int = 1) -> int:
    """A free port that stays free while its server is away, the first of ``number`` such: from
    below those that the system gives to connections, as one that is made to a port which nobody
    listens at may get that very port.
    No other of our processes gets it: its number among the ports of UDP is taken for a sign.
    """
    while True:
        port = random.randrange(15_000, 32_000)  # noqa: S311 - no secret
        with ExitStack() as signs, suppress(OSError):
            for each in range(port, port + number):
                signs.enter_context(_bound(each, socket.SOCK_DGRAM))
                _bound(each, socket.SOCK_STREAM).close()
            _SIGNS.enter_context(signs.pop_all())
            return port


def _bound(port: int, kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(type=kind)
    try:
        made.bind(("127.0.0.1", port))
    except OSError:
        made.close()
        raise
    return made


def wait_for_port(port: int, process: Process) -> None:
    """Until somebody listens there."""
    ends_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends_at and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"{process.args} does not listen")


@contextmanager
def serving(
    folder: Path,
    database_url: str | None = None,
    arguments: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
    log_to: int | None = None,
    *,
    fresh: bool = False,
) -> Iterator[ServerProcess]:
    """A server that answers, on a port of its own; its log: in ``folder``, or ``log_to``.

    ``fresh``: by the command, as an operator does, with no database yet. Else forked, which takes a
    tenth of the time (not where it is measured what tests cover, as in CI), and on a copy of a file
    with our schema, unless there is one.
    """
    port = free_port()
    file = folder / "dcrserver.db"
    if database_url is None and not fresh and not file.exists():
        file.write_bytes(sqlite_schema())
    scheme = "https" if "DCR_TLS__CERTIFICATE_FILE" in (env or {}) else "http"
    base_url = f"{scheme}://{host}:{port}"
    settings = {
        "DCR_SERVER__BASE_URL": base_url,
        "DCR_DATABASE__URL": database_url or f"sqlite:///{file}",
        "DCR_RATE_LIMITS__ENABLED": "false",
        "DCR_SERVER__DRAIN_SECONDS": "0",
    }
    log_path = folder / f"server-{port}.log"
    with log_path.open("wb") as log:
        process = started(
            ["dcrserver", "serve", "--port", str(port), *arguments],
            folder,
            environment(**(settings | dict(env or {}))),
            (log.fileno(), log.fileno() if log_to is None else log_to),
            fresh=fresh,
        )
    server = ServerProcess(base_url, process, log_path)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        server.stop()


def run_to_end(
    *arguments: str, env: Mapping[str, str], folder: Path | None = None, seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """``dcrserver`` with ``arguments`` from its start to its end, of which nothing is asserted."""
    with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        process = started(
            ["dcrserver", *arguments],
            folder or Path.cwd(),
            environment(**env),
            (output.fileno(), errors.fileno()),
        )
        status = process.wait(seconds)
        printed, told = _read(output), _read(errors)
    return subprocess.CompletedProcess(arguments, status, printed, told)


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def started(
    command: list[str],
    folder: Path,
    env: dict[str, str],
    outputs: tuple[int, int],
    *,
    fresh: bool = False,
) -> Process:
    """``dcrserver`` with arguments, or a program of Python by its path. See ``serving``."""
    if not fresh and not _IS_MEASURED:
        return ForkedProcess(command, folder, env, outputs)
    (program, *arguments), (output, errors) = command, outputs
    begin = COMMAND if program == "dcrserver" else [sys.executable, program]
    return subprocess.Popen([*begin, *arguments], cwd=folder, env=env, stdout=output, stderr=errors)


def command_of_shells() -> tuple[list[str], tuple[int, ...]]:
    """What a shell runs as ``dcrserver``, and the files that it has to inherit. See ``serving``."""
    return (COMMAND, ()) if _IS_MEASURED else forked.command_of_shells()


def _wait_until_ready(server: ServerProcess) -> None:
    """Looks for a listener first: each request in vain would cost as much as a third of a start."""
    deadline = time.monotonic() + _START_SECONDS
    host, port = server.base_url.partition("://")[2].split(":")
    while time.monotonic() < deadline and server.process.poll() is None:
        with suppress(OSError), closing(socket.create_connection((host, int(port)), 1)):
            break
        time.sleep(0.02)
    # Not one for each try: each would read all certificate authorities, 30 ms of the processor.
    with httpx.Client(trust_env=False, verify=False) as http:  # noqa: S501 - plain HTTP
        while time.monotonic() < deadline and server.process.poll() is None:
            with suppress(httpx.TransportError):
                if http.get(f"{server.base_url}/readyz").status_code == 200:
                    return
            time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{server.log}")
