"""The two whom commands ask: the database, and a server. Loaded when a command runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol, TypeVar

from dcrserver.cli.loading import load
from dcrserver.strict_json import JsonObject, JsonValue

if TYPE_CHECKING:
    from dcrserver.cli.administration.where import Where

T = TypeVar("T")


class Desk(Protocol):
    """Answers what a command asks."""

    async def ask(
        self, operation: str, body: JsonValue = None, **given: str | int | None
    ) -> JsonObject:
        """The JSON that the administrators' API answers to ``operation``; empty if nothing.

        ``given``: parameters of its path and its query by name; None: not given.

        Raises:
            ProtocolError, Refused: it is refused.
        """
        ...

    def lines(self, operation: str, **given: str | None) -> AsyncIterator[str]:
        """What is answered in lines, some whole ones at a time; see ``ask``.

        Raises:
            BrokenOff: the rest of it did not come.
        """
        ...

    def working(self) -> AbstractAsyncContextManager[None]:
        """While it lasts somebody does the jobs that there are, if anybody can."""
        ...


def run(where: Where, work: Callable[[Desk], Awaitable[T]], *, progress: bool = True) -> T:
    """What ``work`` returns of the desk that ``where`` and the configuration mean.

    ``progress``: a line says how long it takes; without, ``work`` tells something better.

    Raises:
        ConfigurationError: it cannot be told, or not be used.
    """
    flags = where.flags
    settings = load(where.config, cli=flags) if flags else load(where.config)
    if settings.cli.server is not None:
        from dcrserver.cli.administration import remote

        return remote.run(settings.cli, where.tenant, work, progress=progress)
    from dcrserver.cli.administration import database

    return database.run(settings, where.tenant, work, progress=progress)
