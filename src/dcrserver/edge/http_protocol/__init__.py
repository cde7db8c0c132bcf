"""Uvicorn's HTTP protocol with bounds: what a peer may send, how long it may take, how many."""

from dcrserver.edge.http_protocol.connections import Connections, Limits
from dcrserver.edge.http_protocol.protocol import Protocol

__all__ = ["Connections", "Limits", "Protocol"]
