"""PostgreSQL servers on loopback that tests may kill: one alone, and its standby."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness.process import lasting_port
from harness.programs import missing, program

_START_SECONDS = 90
_SMALL = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "16MB",
    "max_connections": "100",
    "wal_level": "replica",
    "hot_standby": "on",
    # What a killed process wrote is there; these tests pull no plug.
    "fsync": "off",
}


def binaries() -> Path:
    """Where the newest PostgreSQL of Debian has its programs."""
    if os.getuid() != 0:
        missing("a PostgreSQL of the tests is started as root, for the user postgres")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else missing("postgresql is not installed")


def as_postgres(*command: str | Path) -> str:
    done = subprocess.run(command, user="postgres", group="postgres", cwd="/", check=False,
                          capture_output=True, text=True, timeout=_START_SECONDS)  # fmt: skip
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def query(port: int, statement: str, user: str = "root") -> str:
    where = ["-h", "127.0.0.1", "-p", str(port), "-U", user, "-d", "postgres"]
    return as_postgres(program("psql"), "-X", "-A", "-t", *where, "-c", statement)


def family(pid: int) -> list[int]:
    """The process and all that came of it."""
    found = [pid]
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found += family(int(path.parent.name))
    return found


def send(sign: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, sign)


@dataclass
class Server:
    """A PostgreSQL server with its own data."""

    folder: Path
    options: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=lasting_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Until it answers."""
        settings = _SMALL | self.options | {
            "port": str(self.port), "unix_socket_directories": str(self.folder)
        }  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [binaries() / "postgres", "-D", self.data, *options],
                user="postgres", group="postgres", cwd="/", stdout=log, stderr=log,
            )  # fmt: skip
        ends_at = time.monotonic() + _START_SECONDS
        while not self._answers():
            told = (self.folder / "log").read_text("utf-8", "replace")
            assert self.process.poll() is None, told[-3000:]
            assert time.monotonic() < ends_at, told[-3000:]
            time.sleep(0.05)

    def _answers(self) -> bool:
        ready = [binaries() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0

    def query(self, statement: str) -> str:
        return query(self.port, statement)

    def promote(self) -> None:
        """A standby becomes a primary, of its own."""
        as_postgres(binaries() / "pg_ctl", "promote", "-D", self.data, "-w")

    def stop(self) -> None:
        """Without waiting for its connections to end, which SIGTERM would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(_START_SECONDS)

    def freeze(self) -> None:
        assert self.process is not None
        send(signal.SIGSTOP, family(self.process.pid))

    def kill(self) -> None:
        """All at once, as when the machine is gone."""
        if self.process is not None:
            send(signal.SIGKILL, family(self.process.pid))
            self.process.wait()


@contextmanager
def alone() -> Iterator[Server]:
    """A server with its empty data, to be started when it has its options."""
    with _servers("one") as (made,):
        _initialize(made)
        yield made


@contextmanager
def pair(**options: str) -> Iterator[tuple[Server, Server]]:
    """A primary, and a standby without which nothing is acknowledged; an empty database."""
    with _servers("first", "second") as (first, second):
        for server in (first, second):
            server.options.update(options)
        _initialize(first)
        first.start()
        follow(first, second)
        yield first, second


@contextmanager
def _servers(*names: str) -> Iterator[list[Server]]:
    program("psql")
    top = Path(tempfile.mkdtemp(prefix="dcr-postgresql-"))
    top.chmod(0o755)
    servers = [Server(top / name) for name in names]
    try:
        for server in servers:
            server.folder.mkdir()
            shutil.chown(server.folder, "postgres", "postgres")
        yield servers
    finally:
        for server in servers:
            server.kill()
        shutil.rmtree(top, ignore_errors=True)


def _initialize(server: Server) -> None:
    as_postgres(binaries() / "initdb", "-D", server.data, "-U", "root", "--auth=trust", "-N",
                "-E", "UTF8")  # fmt: skip


def follow(primary: Server, standby: Server) -> None:
    """Makes ``standby`` one of ``primary``, which from then on acknowledges what both have."""
    shutil.rmtree(standby.data, ignore_errors=True)
    as_postgres(binaries() / "pg_basebackup", "-D", standby.data, "-R", "-X", "stream", "-c",
                "fast", "-N", "-h", "127.0.0.1", "-p", str(primary.port), "-U", "root")  # fmt: skip
    standby.start()
    primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.query("SELECT pg_reload_conf()")
    ends_at = time.monotonic() + _START_SECONDS
    while "sync" not in primary.query("SELECT sync_state FROM pg_stat_replication"):
        assert time.monotonic() < ends_at
        time.sleep(0.05)
