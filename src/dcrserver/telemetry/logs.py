"""What is logged, and how: one line an event, on stderr."""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO, cast

from dcrserver.logger import Logger
from dcrserver.settings import TelemetrySettings
from dcrserver.telemetry.log_writer import LogWriter
from dcrserver.telemetry.redaction import redact

if TYPE_CHECKING:
    import structlog

# Of the request that is being answered, in every line that is logged meanwhile.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
# What a terminal would obey, or what would look like another line.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# Of several lines, as it is meant to be.
_TRACE = "exception"


def _redact_event(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    masked: MutableMapping[str, Any] = redact(dict(event))
    return masked


def _escape_event(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {name: _escaped(value, in_lines=name == _TRACE) for name, value in event.items()}


def _escaped(value: Any, *, in_lines: bool) -> Any:  # noqa: ANN401 - any log value
    """A text with its control characters spelt out; other values are shown by ``repr``."""
    if not isinstance(value, str):
        return value
    lines = value.split("\n") if in_lines else [value]
    return "\n".join(_CONTROLS.sub(lambda found: ascii(found.group())[1:-1], x) for x in lines)


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


def configure_logging(settings: TelemetrySettings, writer: LogWriter | None = None) -> None:
    """Sends our log and that of the libraries to stderr, one line an event.

    ``writer``: what a server logs to, as it must not wait for whoever reads the log.
    """
    import structlog

    stream = cast("TextIO", writer or _Stderr())
    is_json = settings.format == "json"
    shared: list[structlog.typing.Processor] = [
        _name_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_event,
        *([] if is_json else [_escape_event]),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=True)
        if is_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr is not None and sys.stderr.isatty())
    )
    level = getattr(logging, settings.level.upper())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.WriteLogger(stream),
        cache_logger_on_first_use=True,
    )
    Logger.renew()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer)
    )
    logging.captureWarnings(capture=True)  # of Python, which would be lines of another form
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
