"""Uvicorn's HTTP protocol with bounds: what a peer may send, how long it may take, how many."""

from collections.abc import Mapping

from dcrserver.edge.http_protocol.answers import Answering
from dcrserver.edge.http_protocol.connections import Connections, Limits
from dcrserver.edge.http_protocol.protocol import Protocol
from dcrserver.edge.http_protocol.requests import Stoppable

__all__ = ["ANSWERING", "Connections", "Limits", "Protocol"]

# What answers, by the setting server.http; the bounds are the same.
ANSWERING: Mapping[str, type[Stoppable]] = {"fast": Answering, "uvicorn": Stoppable}
