"""PostgreSQL servers under Patroni, with an etcd, on loopback: who is primary they decide."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from harness.postgresql import binaries, family, send
from harness.process import lasting_port
from harness.programs import program

_START_SECONDS = 90
# Seconds. What docs/high-availability.md says of gaps was measured with these.
TIMES = {"ttl": 20, "loop_wait": 2, "retry_timeout": 3}


@dataclass
class Machine:
    """A PostgreSQL and its Patroni, which live and die together."""

    folder: Path
    etcd: int
    port: int = field(default_factory=lasting_port)
    rest: int = field(default_factory=lasting_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        file = self.folder / "patroni.yml"
        file.write_text(json.dumps(self._configuration()), "utf-8")  # which is YAML
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([program("patroni"), file], stdout=log, stderr=log,
                                            user="postgres", group="postgres", cwd="/")  # fmt: skip

    def is_primary(self) -> bool:
        return self._answers("primary")

    def is_standby(self) -> bool:
        """One that has all that was acknowledged."""
        return self._answers("synchronous")

    def stop(self) -> None:
        """As before an update of the machine: Patroni hands over, and stops PostgreSQL."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(_START_SECONDS)

    def kill(self) -> None:
        send(signal.SIGKILL, self._all())
        if self.process is not None:
            self.process.wait()

    def freeze(self) -> None:
        send(signal.SIGSTOP, self._all())

    def thaw(self) -> None:
        send(signal.SIGCONT, self._all())

    def _answers(self, question: str) -> bool:
        url = f"http://127.0.0.1:{self.rest}/{question}"
        try:
            return httpx.get(url, timeout=2, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def _all(self) -> list[int]:
        pids = [] if self.process is None else family(self.process.pid)
        file = self.folder / "data" / "postmaster.pid"
        if file.exists():
            pids += family(int(file.read_text().split()[0]))
        return pids

    def _configuration(self) -> dict[str, Any]:
        address = dict.fromkeys(("listen", "connect_address"), f"127.0.0.1:{self.port}")
        rest = dict.fromkeys(("listen", "connect_address"), f"127.0.0.1:{self.rest}")
        return {
            "scope": "dcr",
            "name": self.folder.name,
            "restapi": rest,
            "etcd3": {"hosts": f"127.0.0.1:{self.etcd}"},
            "bootstrap": {
                "dcs": {**TIMES, "synchronous_mode": True, "postgresql": {"use_pg_rewind": True}},
                "initdb": [{"encoding": "UTF8"}, {"auth": "trust"}],
            },
            "postgresql": {
                **address,
                "data_dir": str(self.folder / "data"),
                "bin_dir": str(binaries()),
                "pgpass": str(self.folder / "pgpass"),
                "authentication": {
                    "superuser": {"username": "postgres"},
                    "replication": {"username": "postgres"},
                },
                "pg_hba": ["local all all trust", "host all all 127.0.0.1/32 trust",
                           "host replication all 127.0.0.1/32 trust"],
                "parameters": {
                    "shared_buffers": "16MB", "max_connections": 100, "fsync": "off",
                    "unix_socket_directories": str(self.folder), "wal_log_hints": "on",
                    "wal_retrieve_retry_interval": "500ms",
                },
            },
        }  # fmt: skip


@contextmanager
def patroni(size: int = 2) -> Iterator[list[Machine]]:
    """A primary and its standbys, of which one has all that was acknowledged."""
    program("patroni")
    top = Path(tempfile.mkdtemp(prefix="dcr-patroni-"))
    top.chmod(0o755)
    machines: list[Machine] = []
    with _etcd(top) as etcd:
        try:
            for place in range(size):
                machines.append(Machine(top / f"node{place}", etcd))
                machines[-1].folder.mkdir()
                shutil.chown(machines[-1].folder, "postgres", "postgres")
                machines[-1].start()
            wait_until_whole(machines)
            yield machines
        finally:
            for machine in machines:
                machine.kill()
            shutil.rmtree(top, ignore_errors=True)


def wait_until_whole(machines: list[Machine]) -> None:
    """One is primary, and another has all that was acknowledged."""
    ends_at = time.monotonic() + _START_SECONDS
    while not (
        any(machine.is_primary() for machine in machines)
        and any(machine.is_standby() for machine in machines)
    ):
        logs = [(machine.folder / "log").read_text("utf-8", "replace") for machine in machines]
        assert time.monotonic() < ends_at, "\n".join(log[-2000:] for log in logs)
        time.sleep(0.2)


@contextmanager
def _etcd(folder: Path) -> Iterator[int]:
    port, peer = lasting_port(), f"http://127.0.0.1:{lasting_port()}"
    client = f"http://127.0.0.1:{port}"
    with (folder / "etcd.log").open("wb") as log:
        process = subprocess.Popen(
            [program("etcd"), "--name=one", f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync",
             f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
             f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
             f"--initial-cluster=one={peer}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield port
    finally:
        process.kill()
        process.wait()
