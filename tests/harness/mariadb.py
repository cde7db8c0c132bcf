"""A MariaDB of the test's own, with options that a shared one cannot have."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.databases import migrate
from harness.programs import missing, program

_GALERA = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so")
_USERS = """
CREATE DATABASE dcr;
CREATE USER dcr@'127.0.0.1' IDENTIFIED BY 'dcr';
GRANT ALL ON dcr.* TO dcr@'127.0.0.1';
CREATE USER admin@'127.0.0.1' IDENTIFIED BY 'dcr';
GRANT ALL ON *.* TO admin@'127.0.0.1';
"""


@contextmanager
def own_mariadb(*options: str, then: Sequence[str] = ()) -> Iterator[str]:
    """The URL of its empty database; the user ``admin`` has the same password.

    ``then``: with our schema it is started again, with these options.
    """
    # A short path: that of a socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="dcr-mariadb-") as name:
        folder = Path(name)
        common = ["--no-defaults", f"--datadir={folder}/data"]
        if os.getuid() == 0:
            common.append("--user=root")
        (folder / "users.sql").write_text(_USERS)
        with (folder / "log").open("wb") as output:
            subprocess.run([program("mariadb-install-db"), *common], check=True, stdout=output,
                           stderr=output)  # fmt: skip
        with _running(folder, *common, f"--init-file={folder}/users.sql", *options) as url:
            if not then:
                yield url
                return
            asyncio.run(migrate(url))
        with _running(folder, *common, *then) as url:
            yield url


@contextmanager
def _running(folder: Path, *options: str) -> Iterator[str]:
    port, log = _free_port(), folder / "log"
    command = [
        program("mariadbd"), *options, f"--port={port}", "--bind-address=127.0.0.1",
        f"--socket={folder}/socket", f"--pid-file={folder}/pid", "--innodb-buffer-pool-size=16M",
        # A server that starts removes the temporary tables that others have in theirs.
        f"--tmpdir={folder}",
    ]  # fmt: skip
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        _wait_for(folder, process, log)
        yield f"mysql://dcr:dcr@127.0.0.1:{port}/dcr"
    finally:
        process.terminate()
        process.wait(60)


def galera_options() -> tuple[str, ...]:
    """A cluster of one node."""
    provider = next((path for path in _GALERA if Path(path).exists()), None)
    if provider is None:
        missing("galera is not installed")
    return (
        "--binlog-format=ROW",
        "--wsrep-on=ON",
        f"--wsrep-provider={provider}",
        "--wsrep-cluster-address=gcomm://",
        f"--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{_free_port()}",
        "--wsrep-node-address=127.0.0.1",
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _wait_for(folder: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until a table can be read: a node of a cluster listens before it serves (error 1047)."""
    asking = [
        program("mariadb"), "--no-defaults", f"--socket={folder}/socket",
        "-e", "SELECT 1 FROM mysql.global_priv LIMIT 1",
    ]  # fmt: skip
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        # Its user is there when it answers: the file is executed first.
        if not subprocess.run(asking, check=False, capture_output=True).returncode:
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text(errors="replace")[-3000:])
