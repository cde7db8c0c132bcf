"""How busy a database is kept, in numbers for the metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dcrserver.db.protocol.coalescing import Coalescer


@dataclass(frozen=True, slots=True)
class Load:
    """``waiting``: pieces of work; ``batches`` and the ``work`` in them since the start.

    ``turned_away``: those that were not tried, by reason; ``connections``: by state.
    """

    waiting: int
    batches: int
    work: int
    turned_away: Mapping[str, int]
    connections: Mapping[str, int]


def load_of(queues: Iterable[Coalescer[Any]], connections: Mapping[str, int]) -> Load:
    """The numbers of all ``queues`` of a database summed up."""
    every = list(queues)
    return Load(
        sum(queue.waiting for queue in every),
        sum(queue.batches for queue in every),
        sum(queue.work for queue in every),
        {
            "full": sum(queue.found_full for queue in every),
            "late": sum(queue.came_too_late for queue in every),
        },
        connections,
    )
