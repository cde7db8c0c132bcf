"""Clients of other servers, as they would have registered here: pure data, no I/O."""

from dcrserver.moving.documents import Documents, Found, moved
from dcrserver.moving.record import Moved, Told, texts, without_empty
from dcrserver.moving.report import Kind, Report

__all__ = [
    "Documents",
    "Found",
    "Kind",
    "Moved",
    "Report",
    "Told",
    "moved",
    "texts",
    "without_empty",
]
