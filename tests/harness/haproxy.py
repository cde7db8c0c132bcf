"""HAProxy on loopback, by a section of docs/deploy/high-availability."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.process import wait_for_port
from harness.programs import program

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "deploy" / "high-availability"


@contextmanager
def haproxy(folder: Path, section: str, port: int, servers: Sequence[str]) -> Iterator[None]:
    """Listens at ``port`` as ``section`` says. ``servers``: addresses, with what goes along."""
    start, *sections = re.split(r"(?m)^(?=listen )", (EXAMPLES / "haproxy.cfg").read_text("utf-8"))
    (lines,) = (each for each in sections if each.startswith(f"listen {section}\n"))
    lines, there = re.subn(r"(?m)^    server .*\n", "", lines)
    lines, bound = re.subn(r"(?m)^    bind .*$", f"    bind 127.0.0.1:{port}", lines)
    assert (there, bound) == (3, 1)
    lines += "".join(f"    server s{number} {each}\n" for number, each in enumerate(servers))
    file = folder / f"haproxy-{section}.cfg"
    file.write_text(start + lines, "utf-8")
    with (folder / f"haproxy-{section}.log").open("wb") as log:
        process = subprocess.Popen([program("haproxy"), "-db", "-f", str(file)],
                                   stdout=log, stderr=log)  # fmt: skip
    try:
        wait_for_port(port, process)
        yield
    finally:
        process.kill()
        process.wait()
