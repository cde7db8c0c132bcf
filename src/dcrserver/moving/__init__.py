"""Clients of other servers, as they would have registered here: pure data, no I/O."""

from dcrserver.moving.documents import Documents, Found, Lines, has_first_line, is_by_line, moved
from dcrserver.moving.readable import ReadableSecrets
from dcrserver.moving.record import Moved, Told, texts, without_empty
from dcrserver.moving.report import Kind, Report

__all__ = [
    "Documents",
    "Found",
    "Kind",
    "Lines",
    "Moved",
    "ReadableSecrets",
    "Report",
    "Told",
    "has_first_line",
    "is_by_line",
    "moved",
    "texts",
    "without_empty",
]
