"""PostgreSQL servers under Patroni, with an etcd, on loopback: who is primary they decide."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from harness.haproxy import EXAMPLES
from harness.postgresql import binaries, family, send
from harness.process import lasting_port
from harness.programs import program

_START_SECONDS = 90
# In the file of docs/deploy: whom PostgreSQL lets in, and what it writes at once to the disk.
_CHANGES = {
    "scram-sha-256": "trust",
    "peer": "trust",
    "10.0.0.0/24": "127.0.0.1/32",
    "  parameters:\n    #": "  parameters:\n    fsync: off\n    shared_buffers: 16MB\n    #",
}


@dataclass
class Machine:
    """A PostgreSQL and its Patroni, which live and die together."""

    folder: Path
    etcd: int
    port: int = field(default_factory=lasting_port)
    rest: int = field(default_factory=lasting_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program("patroni"), self._file()], stdout=log, stderr=log,
                user="postgres", group="postgres", cwd="/", env=os.environ | self._environment(),
            )  # fmt: skip

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

    def _file(self) -> Path:
        text = (EXAMPLES / "patroni.yml").read_text("utf-8")
        for old, new in _CHANGES.items():
            assert old in text
            text = text.replace(old, new)
        file = self.folder / "patroni.yml"
        file.write_text(text, "utf-8")
        return file

    def _environment(self) -> dict[str, str]:
        """What is another for each machine: it goes before the file."""
        addresses = {"POSTGRESQL": self.port, "RESTAPI": self.rest}
        return {
            "PATRONI_NAME": self.folder.name,
            "PATRONI_ETCD3_HOSTS": f"127.0.0.1:{self.etcd}",
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.folder / "data"),
            "PATRONI_POSTGRESQL_BIN_DIR": str(binaries()),
            "PATRONI_POSTGRESQL_PGPASS": str(self.folder / "pgpass"),
            **{
                f"PATRONI_{part}_{kind}": f"127.0.0.1:{port}"
                for part, port in addresses.items()
                for kind in ("LISTEN", "CONNECT_ADDRESS")
            },
        }


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
