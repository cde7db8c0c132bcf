"""Clusters of real database servers on loopback, from Debian's programs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.process import lasting_port
from harness.programs import missing, program

_GALERA = Path("/usr/lib/galera/libgalera_smm.so")
_START_SECONDS = 90
_USER = "dcr"


@dataclass
class Node:
    """One server of a cluster."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    arguments: list[str]

    @property
    def url(self) -> str:
        return f"mysql://{_USER}:{_USER}@127.0.0.1:{self.port}/dcr"

    def query(self, statement: str) -> str:
        """What root gets by the server's socket."""
        done = subprocess.run(
            [program("mariadb"), "--no-defaults", f"--socket={self.folder}/socket", "-u", "root",
             "-N", "-B", "--connect-timeout=2", "-e", statement],
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
        return done.stdout.strip()

    def is_synced(self) -> bool:
        try:
            told = self.query("SHOW STATUS LIKE 'wsrep_local_state_comment'")
        except subprocess.TimeoutExpired:
            return False
        return told.endswith("Synced")

    @contextmanager
    def locked(self, seconds: int) -> Iterator[None]:
        """Nothing is applied here for so long, as during some backups."""
        holder = subprocess.Popen(
            [program("mariadb"), "--no-defaults", f"--socket={self.folder}/socket", "-u", "root",
             "-e", f"FLUSH TABLES WITH READ LOCK; SELECT SLEEP({seconds}); UNLOCK TABLES"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        ends_at = time.monotonic() + _START_SECONDS
        while "SLEEP" not in self.query("SELECT info FROM information_schema.processlist"):
            assert time.monotonic() < ends_at
            time.sleep(0.05)
        try:
            yield
        finally:
            holder.wait(_START_SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def start(self) -> None:
        """Starts it, or again after it was killed; see ``wait_until_synced``."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )


@contextmanager
def galera(size: int = 3) -> Iterator[list[Node]]:
    """Nodes of one Galera cluster, synced, with an empty database ``dcr`` and a user for it."""
    program("mariadbd")
    program("rsync")
    if not _GALERA.exists():
        missing("galera-4 is not installed")
    if os.getuid() != 0:
        missing("a Galera of the tests is started as root, for the user mysql")
    with ExitStack() as stack:
        top = Path(tempfile.mkdtemp(prefix="dcr-galera-"))
        stack.callback(shutil.rmtree, top, ignore_errors=True)
        top.chmod(0o755)
        groups = [lasting_port() for _ in range(size)]
        nodes = [_made(top / str(place), groups, place) for place in range(size)]
        for place, node in enumerate(nodes):
            stack.callback(_stop, node)
            if place == 0:
                node.arguments.append("--wsrep-new-cluster")
            node.start()
            if place == 0:
                node.arguments.remove("--wsrep-new-cluster")
            wait_until_synced(node)
        nodes[0].query(
            f"CREATE USER {_USER}@'127.0.0.1' IDENTIFIED BY '{_USER}';"
            f"GRANT ALL ON *.* TO {_USER}@'127.0.0.1'; CREATE DATABASE dcr"
        )
        yield nodes


def wait_until_synced(node: Node) -> None:
    """Raises AssertionError with the server's log where it takes too long."""
    ends_at = time.monotonic() + _START_SECONDS
    while not node.is_synced():
        log = (node.folder / "log").read_text("utf-8", "replace")
        assert node.process.poll() is None, log[-3000:]
        assert time.monotonic() < ends_at, log[-3000:]
        time.sleep(0.2)


def _made(folder: Path, groups: list[int], place: int) -> Node:
    data = folder / "data"
    data.mkdir(parents=True)
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={data}",
         "--skip-test-db"], check=True, capture_output=True,
    )  # fmt: skip
    shutil.chown(folder, "mysql", "mysql")
    port, ist, sst = lasting_port(), lasting_port(), lasting_port()
    others = ",".join(f"127.0.0.1:{group}" for group in groups)
    options = (
        f"gmcast.listen_addr=tcp://127.0.0.1:{groups[place]};ist.recv_addr=127.0.0.1:{ist};"
        "gcache.size=32M"
    )
    arguments = [
        program("mariadbd"), "--no-defaults", "--user=mysql", f"--datadir={data}",
        f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/socket",
        f"--pid-file={folder}/pid", "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2",
        "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=2",
        "--wsrep-on=ON", f"--wsrep-provider={_GALERA}", "--wsrep-cluster-name=dcr",
        f"--wsrep-cluster-address=gcomm://{others}", f"--wsrep-node-name=node{place}",
        f"--wsrep-node-address=127.0.0.1:{groups[place]}", "--wsrep-sst-method=rsync",
        f"--wsrep-sst-receive-address=127.0.0.1:{sst}", f"--wsrep-provider-options={options}",
    ]  # fmt: skip
    return Node(folder, port, None, arguments)  # type: ignore[arg-type]  # started at once


def _stop(node: Node) -> None:
    if node.process is not None and node.process.poll() is None:
        node.thaw()
        node.kill()
