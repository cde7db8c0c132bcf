"""Clusters of real database servers on loopback, from Debian's programs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.haproxy import EXAMPLES
from harness.process import lasting_port
from harness.programs import missing, program

_GALERA = Path("/usr/lib/galera/libgalera_smm.so")
_START_SECONDS = 90
_USER = "dcr"
_LOG_SIZE = "--innodb-log-file-size=8M"


@dataclass
class Node:
    """One server of a cluster."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    arguments: list[str]

    @property
    def url(self) -> str:
        return self.url_of("dcr", f"127.0.0.1:{self.port}")

    def url_of(self, database: str, hosts: str) -> str:
        return f"mysql://{_USER}:{_USER}@{hosts}/{database}"

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
            told = self.query(
                "SHOW STATUS WHERE variable_name IN ('wsrep_local_state_comment', 'wsrep_ready')"
            )
        except subprocess.TimeoutExpired:
            return False
        return sorted(line.split("\t")[-1] for line in told.splitlines()) == ["ON", "Synced"]

    def sees(self, size: int) -> bool:
        return self.query("SHOW STATUS LIKE 'wsrep_cluster_size'").endswith(f"\t{size}")

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

    def stop(self) -> None:
        """As before an update of the machine."""
        self.process.terminate()
        self.process.wait(_START_SECONDS)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def start(self) -> None:
        """Starts it, or again; see ``wait_until_synced``."""
        position = self._position() if self._was_killed() else []
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.arguments, *position], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def _was_killed(self) -> bool:
        state = self.folder / "data" / "grastate.dat"
        return state.exists() and "seqno:   -1" in state.read_text("utf-8")

    def _position(self) -> list[str]:
        """How far it was, as Debian's unit asks too: else it would be given all data anew, and the
        giver be locked meanwhile.
        """
        done = subprocess.run([*self.arguments, "--wsrep-recover"], check=True,
                              capture_output=True, text=True, timeout=_START_SECONDS)  # fmt: skip
        found = re.search(r"Recovered position: *(\S+)", done.stderr)
        assert found is not None, done.stderr[-3000:]
        return [f"--wsrep-start-position={found[1]}"]


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
        wait_until_whole(nodes)
        yield nodes


def wait_until_synced(node: Node) -> None:
    """Raises AssertionError with the server's log where it takes too long."""
    ends_at = time.monotonic() + _START_SECONDS
    while not node.is_synced():
        log = (node.folder / "log").read_text("utf-8", "replace")
        assert node.process.poll() is None, log[-3000:]
        assert time.monotonic() < ends_at, log[-3000:]
        time.sleep(0.2)


def wait_until_whole(nodes: list[Node]) -> None:
    """All see all: one that was frozen takes itself for synced until it hears of the others."""
    ends_at = time.monotonic() + _START_SECONDS
    while not all(node.is_synced() and node.sees(len(nodes)) for node in nodes):
        assert time.monotonic() < ends_at, "the cluster is not whole"
        time.sleep(0.2)


def _made(folder: Path, groups: list[int], place: int) -> Node:
    data = folder / "data"
    data.mkdir(parents=True)
    if place == 0:  # the others get a copy
        subprocess.run(
            [program("mariadb-install-db"), "--no-defaults", "--user=mysql", f"--datadir={data}",
             "--skip-test-db", _LOG_SIZE], check=True, capture_output=True,
        )  # fmt: skip
    for path in (folder, data):
        shutil.chown(path, "mysql", "mysql")
    port, ist, sst = lasting_port(), lasting_port(), lasting_port()
    others = ",".join(f"127.0.0.1:{group}" for group in groups)
    example = ConfigParser()
    example.read(EXAMPLES / "galera.cnf")
    options = dict(example["mariadb"])
    options |= {
        "bind_address": "127.0.0.1", "port": str(port), "datadir": str(data),
        "socket": f"{folder}/socket", "pid_file": f"{folder}/pid", "tmpdir": str(folder),
        "innodb_buffer_pool_size": "32M", "innodb_flush_log_at_trx_commit": "2",
        "wsrep_cluster_address": f"gcomm://{others}", "wsrep_node_name": f"node{place}",
        "wsrep_node_address": f"127.0.0.1:{groups[place]}", "wsrep_sst_method": "rsync",
        "wsrep_sst_receive_address": f"127.0.0.1:{sst}",
        "wsrep_provider_options": f"{options['wsrep_provider_options']};gcache.size=32M;"
        f"gmcast.listen_addr=tcp://127.0.0.1:{groups[place]};ist.recv_addr=127.0.0.1:{ist}",
    }  # fmt: skip
    arguments = [program("mariadbd"), "--no-defaults", "--user=mysql", _LOG_SIZE,
                 *(f"--{name}={value}" for name, value in options.items())]  # fmt: skip
    return Node(folder, port, None, arguments)  # type: ignore[arg-type]  # started at once


def _stop(node: Node) -> None:
    if node.process is not None and node.process.poll() is None:
        node.thaw()
        node.kill()
