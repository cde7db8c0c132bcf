"""Logs and metrics. Secrets never get through: they are masked here, whoever logs them."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

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


def configure_logging(settings: TelemetrySettings) -> None:
    """Sends our log and that of the libraries to stderr, one line an event."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
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
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer)
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


class Metrics:
    """Counters of one process; labels are route templates, never values that callers choose."""

    def __init__(self) -> None:
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "dcrserver_http_requests_total",
            "Answered requests",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.ignored_certificates = Counter(
            "dcrserver_ignored_client_certificates_total",
            "Client certificate headers from peers that are not trusted to send them",
            registry=self.registry,
        )
        self.seconds = Histogram(
            "dcrserver_http_request_seconds",
            "Time to answer",
            ("method", "route"),
            registry=self.registry,
            buckets=(
                0.001,
                0.0025,
                0.005,
                0.01,
                0.025,
                0.05,
                0.1,
                0.25,
                0.5,
                1,
                2.5,
                5,
                10,
            ),
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request and how long it took."""
        key = (method, route, status)
        children = self._children.get(key)
        if children is None:
            # Finding them by their labels takes longer than counting.
            children = (self.requests.labels(*key), self.seconds.labels(method, route))
            self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)
