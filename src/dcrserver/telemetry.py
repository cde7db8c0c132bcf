"""Logs and metrics. Secrets never get through: they are masked here, whoever logs them."""

from __future__ import annotations

import io
import logging
import re
import sys
from bisect import bisect_left
from collections.abc import Iterator, MutableMapping
from contextvars import ContextVar
from itertools import accumulate
from typing import Any, TextIO, cast

import structlog
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from dcrserver.settings import TelemetrySettings

_SECRET_NAMES = re.compile(
    r"(?i)^(authorization|client_secret|registration_access_token|access_token|client_assertion|password"
    r"|private_key|.*_(secret|password))$"
)
# Our own tokens by their prefixes, bearer and basic credentials, JWTs, and passwords in URLs.
_SECRET_TEXT = re.compile(
    r"\b(?:rat|iat|adm|at|cs)_[A-Za-z0-9_-]{16,}"
    r"|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r"|(?<=://)[^/\s@:]*:[^/\s@]+(?=@)"
)
_MASK = "[hidden]"
# Of the request that is being answered, in every line that is logged meanwhile.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)


def redact(value: Any) -> Any:  # noqa: ANN401 - any log value
    """``value`` with every secret masked, at any depth."""
    if isinstance(value, str):
        return _SECRET_TEXT.sub(_MASK, value)
    if isinstance(value, dict):
        return {
            key: _MASK if _SECRET_NAMES.match(str(key)) and inner else redact(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(inner) for inner in value]
    return value


def _redact_event(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    masked: MutableMapping[str, Any] = redact(dict(event))
    return masked


def _name_request(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    request_id = REQUEST_ID.get()
    if request_id is not None:
        event["request_id"] = request_id
    return event


class _Stderr(io.TextIOBase):
    """What stderr is when something is logged; loggers are kept for longer than that."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure_logging(settings: TelemetrySettings) -> None:
    """Sends our log and that of the libraries to stderr, one line an event."""
    shared: list[structlog.typing.Processor] = [
        _name_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=True)
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    level = getattr(logging, settings.level.upper())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.WriteLogger(cast("TextIO", _Stderr())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer)
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


# Upper bounds in seconds.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counters of one process; labels are route templates, never values that callers choose."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers = _Answers()
        self.registry.register(self._answers)
        self.answered = self._answers.count
        self.ignored_certificates = Counter(
            "dcrserver_ignored_client_certificates_total",
            "Client certificate headers from peers that are not trusted to send them",
            registry=self.registry,
        )
        self.other_audiences = Counter(
            "dcrserver_assertions_for_other_audiences_total",
            "Client assertions whose aud is not the issuer alone (RFC 10070), taken or refused",
            registry=self.registry,
        )


class _Answers(Collector):
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

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "dcrserver_http_requests", "Answered requests", labels=("method", "route", "status")
        )
        for (method, route, status), count in self._counts.items():
            requests.add_metric((method, route, str(status)), count)
        yield requests
        seconds = HistogramMetricFamily(
            "dcrserver_http_request_seconds", "Time to answer", labels=("method", "route")
        )
        for kind, buckets in self._buckets.items():
            bounds = [*map(str, map(float, _BUCKETS)), "+Inf"]
            reached = list(accumulate(buckets))
            seconds.add_metric(kind, list(zip(bounds, reached, strict=True)), self._seconds[kind])
        yield seconds
