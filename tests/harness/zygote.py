"""Imports what a server needs, and forks into one whenever it is asked to: a program.

From there on it is what ``python -m dcrserver`` makes it, or the program of a test. See ``forked``
for who asks.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import sys
import threading
from contextlib import suppress
from importlib import import_module

# What a server has imported when it answers; and made, which is OpenAPI.
_IMPORTED = (
    "dcrserver.cli",
    "dcrserver.serving",
    "dcrserver.db.protocol.drivers.mariadb",
    "dcrserver.db.protocol.drivers.postgresql",
    "dcrserver.db.protocol.drivers.sqlite",
    "dcrserver.fetch.exchange",
    "dcrserver.fetch.name_servers",
    "dcrserver.telemetry.logs",
    "alembic.command",
    "aiosqlite",
    "dns.asyncresolver",
    "structlog",
    "uvicorn.lifespan.on",
    "uvloop",
)
_REQUEST_OCTETS = 1 << 20


def main() -> None:
    """Becomes each process that is asked for, in a child; ends when nobody can ask any more."""
    for name in _IMPORTED:
        import_module(name)
    assert import_module("dcrserver.app").API.openapi
    # Else each child would have a copy of all pages that its collector looks at.
    gc.collect()
    gc.freeze()
    requests = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, files, _, _ = socket.recv_fds(requests, _REQUEST_OCTETS, 4)
        if not request:
            return
        if os.fork() == 0:
            requests.close()
            command, folder, env = json.loads(request)
            _watch(*files)
            _become(command, folder, env, files[:3])
            _run_to_end(command[0])
            return
        for file in files:
            os.close(file)


def _watch(*files: int) -> None:
    """Returns in a child; its parent tells the number of its process, and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *others, told = files
    child = os.fork()
    if child:
        for file in others:
            os.close(file)
        os.write(told, b"%d" % child)
        _, status = os.waitpid(child, 0)
        with suppress(BrokenPipeError):  # who asked was killed
            os.write(told, b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    os.close(told)


def _become(command: list[str], folder: str, env: dict[str, str], files: list[int]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = command


def _run_to_end(name: str) -> None:
    """As a process ends, but for taking apart whatever was imported: half of a short one's time.

    Raises where the interpreter has something to tell of the end.
    """
    status = 0
    try:
        _run(name)
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        status = end.code or 0
    threading._shutdown()  # noqa: SLF001 - what the interpreter calls
    atexit._run_exitfuncs()  # noqa: SLF001
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _run(name: str) -> None:
    """``dcrserver``, or the program that has this path."""
    if name == "dcrserver":
        runpy.run_module(name, run_name="__main__", alter_sys=True)
        return
    sys.path[1:1] = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    runpy.run_path(name, run_name="__main__")


if __name__ == "__main__":
    main()
