"""Clients of other servers, as they would have registered here: pure data, no I/O."""

from dcrserver.moving.documents import moved
from dcrserver.moving.record import Moved, Told

__all__ = ["Moved", "Told", "moved"]
