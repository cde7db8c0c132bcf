"""Who uses the machine: processor time and memory of what is measured, and of everybody else."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# Used by everybody together, while nothing is measured.
_QUIET_CORES = 0.3
_PATIENCE_SECONDS = 5.0


@dataclass
class Sample:
    """Of one run of wrk: requests per second, milliseconds, processor microseconds."""

    rate: float
    p50: float
    p99: float
    failed: int
    cpu: float | None
    database_cpu: float | None
    foreign: float


@dataclass
class Target:
    """``pid``, ``database_pid``: roots of the process trees whose time is accounted, if known.

    ``memory``: megabytes of the first.
    """

    name: str
    url: str
    pid: int | None = None
    database_pid: int | None = None
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    memory: float | None = None


@dataclass
class Spent:
    """Processor seconds of the target and of its database; cores that nobody we know used."""

    server: float = 0.0
    database: float = 0.0
    foreign: float = 0.0


@contextlib.contextmanager
def accounted(target: Target) -> Iterator[Spent]:
    """What is spent meanwhile, known when it is over."""
    spent, before = Spent(), _Times.now(target)
    yield spent
    after = _Times.now(target)
    spent.server, spent.database = after.server - before.server, after.database - before.database
    known = spent.server + spent.database + after.ours - before.ours
    unknown = after.machine - before.machine - known
    spent.foreign = max(0.0, unknown) / (after.clock - before.clock)


@dataclass
class _Times:
    """Processor seconds used so far, and the clock."""

    machine: float
    server: float
    database: float
    ours: float
    clock: float

    @classmethod
    def now(cls, target: Target) -> _Times:
        fields = [int(text) for text in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
        # user, nice, system, irq, softirq, and steal: other machines count as somebody else
        busy = sum(fields[:3]) + sum(fields[5:8])
        usages = [
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        return cls(
            machine=busy / _TICKS,
            server=processor_seconds(target.pid),
            database=processor_seconds(target.database_pid),
            ours=sum(usage.ru_utime + usage.ru_stime for usage in usages),
            clock=time.monotonic(),
        )


def processor_seconds(pid: int | None) -> float:
    """User and system time of a process and of all below it, those that ended included."""
    if pid is None:
        return 0.0
    seconds = 0.0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it may have just ended
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        seconds = sum(map(int, fields[11:15])) / _TICKS
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                seconds += processor_seconds(int(child))
    return seconds


def memory(pid: int | None) -> float | None:
    """Megabytes of a process and all below it, each shared page by its share (PSS)."""
    if pid is None:
        return None
    megabytes = 0.0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it may have just ended
        found = re.search(r"\nPss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text())
        megabytes += int(found.group(1)) / 1024 if found else 0.0
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                megabytes += memory(int(child)) or 0.0
    return megabytes


def settled(target: Target) -> None:
    """Waits, not for ever, until others leave the machine alone."""
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < ends_at:
        before = _Times.now(target)
        time.sleep(0.25)
        after = _Times.now(target)
        if after.machine - before.machine < _QUIET_CORES * (after.clock - before.clock):
            return
