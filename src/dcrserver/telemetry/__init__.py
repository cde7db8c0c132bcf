"""Logs and metrics. Secrets never get through: they are masked here, whoever logs them."""

from dcrserver.telemetry.log_writer import LogWriter, stderr_writer
from dcrserver.telemetry.logs import REQUEST_ID, configure_logging
from dcrserver.telemetry.metrics import Metrics, Tally
from dcrserver.telemetry.process import measure
from dcrserver.telemetry.redaction import redact
from dcrserver.telemetry.workers import folder_of_workers, shared

__all__ = [
    "REQUEST_ID",
    "LogWriter",
    "Metrics",
    "Tally",
    "configure_logging",
    "folder_of_workers",
    "measure",
    "redact",
    "shared",
    "stderr_writer",
]
