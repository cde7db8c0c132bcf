"""Numbers of one process, and how those of several become one.

A metric is a row: who has the number adds one where the process is put together,

    metrics.counter("dcrserver_fetches_total", "Documents fetched", fetcher.count, ("outcome",))
    metrics.gauge("dcrserver_http_connections", "Open connections", protocol.count)

with a function that is asked when somebody reads the metrics, for a number or for a number by
label values; or counts with the ``tally`` that it asked for. Nothing else is paid until then.
Label values are never what callers choose. Of several workers the numbers are summed up, or what
``of_all`` says: ``min`` for what is good only if it is everywhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, TypeAlias

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

Labels: TypeAlias = tuple[str, ...]
# A histogram's numbers: how many fell into each bucket, and the sum.
Numbers: TypeAlias = Sequence[float]
Readings: TypeAlias = float | Mapping[Labels, float]
# What one process says: the name of each row, and its numbers by label values.
Snapshot: TypeAlias = dict[str, list[tuple[Labels, Numbers]]]
Merge: TypeAlias = Callable[[Iterable[float]], float]

# Upper bounds in seconds.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Row:
    """A metric: how it is called, and where its numbers come from."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: Labels
    read: Callable[[], Iterable[tuple[Labels, Numbers]]]
    of_all: Merge = sum


async def _nobody() -> Sequence[Snapshot]:
    return ()


class Tally:
    """Counts by label values."""

    def __init__(self, labels: Labels = ()) -> None:
        self._counts: dict[Labels, float] = {} if labels else {(): 0}

    def inc(self, *labels: str, by: float = 1) -> None:
        self._counts[labels] = self._counts.get(labels, 0) + by

    def __call__(self) -> Mapping[Labels, float]:
        return self._counts


class Metrics:
    """The rows of this process; ``others`` brings what other workers say of theirs."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self.others: Callable[[], Awaitable[Sequence[Snapshot]]] = _nobody
        answers = _Answers()
        self.answered = answers.count
        self._add(
            Row("dcrserver_http_requests_total", "counter", "Answered requests",
                ("method", "route", "status"), answers.counts)
        )  # fmt: skip
        self._add(
            Row("dcrserver_http_request_seconds", "histogram", "Time to answer",
                ("method", "route"), answers.seconds)
        )  # fmt: skip
        self.ignored_certificates = self.tally(
            "dcrserver_ignored_client_certificates_total",
            "Client certificate headers from peers that are not trusted to send them",
        )
        self.other_audiences = self.tally(
            "dcrserver_assertions_for_other_audiences_total",
            "Client assertions whose aud is not the issuer alone (RFC 10070), taken or refused",
        )

    def tally(self, name: str, meaning: str, labels: Labels = ()) -> Tally:
        """Adds a counter that is counted up by whoever calls ``inc`` with its label values."""
        counted = Tally(labels)
        self.counter(name, meaning, counted, labels)
        return counted

    def counter(
        self, name: str, meaning: str, read: Callable[[], Readings], labels: Labels = ()
    ) -> None:
        """Adds a number that only grows; its name ends in _total."""
        self._add(Row(name, "counter", meaning, labels, _reader(read)))

    def gauge(
        self,
        name: str,
        meaning: str,
        read: Callable[[], Readings],
        labels: Labels = (),
        of_all: Merge = sum,
    ) -> None:
        """Adds a number that goes up and down."""
        self._add(Row(name, "gauge", meaning, labels, _reader(read), of_all))

    def snapshot(self, *, lasting: bool = False) -> Snapshot:
        """What this process alone would say; ``lasting``: what still counts when it has ended."""
        rows = [row for row in self._rows.values() if not lasting or row.kind != "gauge"]
        return {row.name: list(row.read()) for row in rows}

    def registry(self, others: Sequence[Snapshot] = ()) -> CollectorRegistry:
        """Of this process and ``others``, as it is now."""
        registry = CollectorRegistry()
        registry.register(_Families(self._rows.values(), [self.snapshot(), *others]))
        return registry

    async def exposition(self) -> bytes:
        """Of all workers, in the text format of Prometheus."""
        return generate_latest(self.registry(await self.others()))

    def _add(self, row: Row) -> None:
        if row.name in self._rows:
            raise ValueError(f"{row.name} is there already")
        self._rows[row.name] = row


def _reader(read: Callable[[], Readings]) -> Callable[[], Iterable[tuple[Labels, Numbers]]]:
    def numbers() -> Iterator[tuple[Labels, Numbers]]:
        found = read()
        by_labels = found if isinstance(found, Mapping) else {(): found}
        for labels, number in by_labels.items():
            yield labels, (number,)

    return numbers


def merged(row: Row, snapshots: Iterable[Snapshot]) -> dict[Labels, Numbers]:
    """The numbers of ``row`` in all ``snapshots`` together."""
    found: dict[Labels, list[Numbers]] = {}
    for snapshot in snapshots:
        for labels, numbers in snapshot.get(row.name, ()):
            found.setdefault(tuple(labels), []).append(numbers)
    return {
        labels: [row.of_all(each) for each in zip(*several, strict=True)]
        for labels, several in found.items()
    }


class _Families(Collector):
    """Rows as the library writes them."""

    def __init__(self, rows: Iterable[Row], snapshots: Sequence[Snapshot]) -> None:
        self._rows = rows
        self._snapshots = snapshots

    def collect(self) -> Iterator[Metric]:
        for row in self._rows:
            yield _family(row, merged(row, self._snapshots))


def _family(row: Row, numbers: Mapping[Labels, Numbers]) -> Metric:
    if row.kind == "histogram":
        histogram = HistogramMetricFamily(row.name, row.meaning, labels=row.labels)
        for labels, (*buckets, total) in numbers.items():
            bounds = [*map(str, map(float, _BUCKETS)), "+Inf"]
            reached = list(accumulate(buckets))
            histogram.add_metric(labels, list(zip(bounds, reached, strict=True)), total)
        return histogram
    family = CounterMetricFamily if row.kind == "counter" else GaugeMetricFamily
    made = family(row.name, row.meaning, labels=row.labels)
    for labels, (number,) in numbers.items():
        made.add_metric(labels, number)
    return made


class _Answers:
    """Plain numbers, made metrics when somebody reads them: the library's own take longer to count
    than an answer from memory takes to make.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], int] = {}
        self._buckets: dict[tuple[str, str], list[int]] = {}
        self._seconds: dict[tuple[str, str], float] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request and how long it took."""
        answer, kind = (method, route, status), (method, route)
        self._counts[answer] = self._counts.get(answer, 0) + 1
        buckets = self._buckets.get(kind)
        if buckets is None:
            buckets = self._buckets[kind] = [0] * (len(_BUCKETS) + 1)
        buckets[bisect_left(_BUCKETS, seconds)] += 1
        self._seconds[kind] = self._seconds.get(kind, 0.0) + seconds

    def counts(self) -> Iterator[tuple[Labels, Numbers]]:
        for (method, route, status), count in self._counts.items():
            yield (method, route, str(status)), (count,)

    def seconds(self) -> Iterator[tuple[Labels, Numbers]]:
        for kind, buckets in self._buckets.items():
            yield kind, (*buckets, self._seconds[kind])
