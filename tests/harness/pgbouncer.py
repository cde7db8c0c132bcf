"""PgBouncer on loopback, as docs/deploy has it but for its addresses."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from harness.haproxy import EXAMPLES
from harness.process import free_port, wait_for_port
from harness.programs import missing, program


@contextmanager
def pgbouncer(url: str, **settings: str) -> Iterator[str]:
    """The URL of the database of ``url`` behind it. ``settings``: others than in the example."""
    server, port = make_url(url), free_port()
    if server.port is None:
        missing("PgBouncer is tried with the PostgreSQL of DCR_TEST_POSTGRES_URL")
    file = ConfigParser(inline_comment_prefixes=None)
    file.read(EXAMPLES / "pgbouncer.ini")
    target = (
        f"host={server.host} port={server.port} dbname={server.database} user={server.username}"
    )
    file["databases"] = {"dcr": target}
    file["pgbouncer"].update(
        {"listen_addr": "127.0.0.1", "listen_port": str(port), "auth_type": "any",
         "unix_socket_dir": "", **settings}
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="dcr-pgbouncer-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        ini = folder / "pgbouncer.ini"
        with ini.open("w", encoding="utf-8") as written:
            file.write(written)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([program("pgbouncer"), "-u", "nobody", ini],
                                       stdout=log, stderr=log)  # fmt: skip
        try:
            wait_for_port(port, process)
            yield f"postgresql://{server.username}@127.0.0.1:{port}/dcr"
        finally:
            process.kill()
            process.wait()
