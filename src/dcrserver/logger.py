"""Loggers that load structlog with the first line that is logged.

It loads Rich, which takes longer than what many commands do, and these log nothing.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger


class Logger:
    """The methods of structlog's loggers, by the names that it knows."""

    # What tells structlog where lines go, if nobody did before the first one.
    configure: ClassVar[Callable[[], None] | None] = None
    _all: ClassVar[WeakSet[Logger]] = WeakSet()

    def __init__(self, name: str) -> None:
        self._name = name
        Logger._all.add(self)

    @staticmethod
    def renew() -> None:
        """Has all loggers ask structlog anew, as one that was used keeps where its lines went."""
        for each in tuple(Logger._all):
            each.__dict__.pop("_logger", None)

    @cached_property
    def _logger(self) -> FilteringBoundLogger:
        import structlog

        if Logger.configure is not None and not structlog.is_configured():
            Logger.configure()
        made: FilteringBoundLogger = structlog.get_logger(self._name)
        return made

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 - each of its own signature
        return getattr(self._logger, method)
