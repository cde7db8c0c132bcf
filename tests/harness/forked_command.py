"""``dcrserver`` of a shell, forked off a zygote: a program that starts in a fraction of the time.

It is run without ``site``, so it imports nothing but what comes first with Python. See ``forked``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path

# What a shell tells a command that it started.
_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def ask(
    zygote: socket.socket, args: list[str], folder: str, env: dict[str, str], files: tuple[int, ...]
) -> socket.socket:
    """Who tells the number of the process that was asked for, and its exit status when it ends.

    ``files``: its stdin, stdout and stderr.
    """
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        request = json.dumps([args, folder, env]).encode()
        socket.send_fds(zygote, [request], [*files, its.fileno()])
    return ours


def main() -> None:
    """Is what it asked for, as far as a shell sees: of its signals and its exit status."""
    number, *arguments = sys.argv[1:]
    zygote = socket.socket(fileno=int(number))
    told = ask(zygote, ["dcrserver", *arguments], str(Path.cwd()), dict(os.environ), (0, 1, 2))
    process = int(told.recv(64))
    for each in _SIGNALS:
        signal.signal(each, lambda received, _: os.kill(process, received))
    status = int(told.recv(64))
    os._exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
