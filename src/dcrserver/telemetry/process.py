"""What the operating system says of this process, by the names that Prometheus' libraries use."""

from __future__ import annotations

import os
import platform
import resource
import time
from pathlib import Path

from dcrserver import __version__
from dcrserver.telemetry.metrics import Metrics


def measure(metrics: Metrics) -> None:
    """Adds rows for memory, processor time, descriptors and the build; sums over all workers."""
    started_at = time.time()
    metrics.gauge("dcrserver_workers", "Worker processes that answered this scrape", lambda: 1)
    metrics.gauge(
        "dcrserver_build_info",
        "1; what is running is in the labels",
        lambda: {(__version__, platform.python_version()): 1},
        ("version", "python"),
        of_all=max,
    )
    metrics.gauge(
        "process_start_time_seconds", "When the oldest worker started", lambda: started_at,
        of_all=min,
    )  # fmt: skip
    metrics.counter(
        "process_cpu_seconds_total", "Processor time, user and system", time.process_time
    )
    metrics.gauge("process_resident_memory_bytes", "Memory that is resident", _resident)
    metrics.gauge("process_open_fds", "Open file descriptors", _descriptors)
    metrics.gauge(
        "process_max_fds", "File descriptors that may be open",
        lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    )  # fmt: skip


def _resident() -> int:
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    except OSError:  # not Linux: the peak is what there is
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _descriptors() -> int:
    try:
        return len(list(Path("/proc/self/fd").iterdir()))
    except OSError:
        return 0
