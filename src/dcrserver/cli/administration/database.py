"""The desk that opens the database: use cases, whose results are told as the API tells them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from dcrserver.cli import work
from dcrserver.cli.administration.answers import ANSWERS
from dcrserver.cli.administration.answers.here import Here
from dcrserver.settings import Settings
from dcrserver.strict_json import JsonObject, JsonValue

T = TypeVar("T")


class DatabaseDesk:
    """Answers of the database."""

    def __init__(self, here: Here) -> None:
        self._here = here

    async def ask(
        self, operation: str, body: JsonValue = None, **given: str | int | None
    ) -> JsonObject:
        """See ``Desk``."""
        known = {name: value for name, value in given.items() if value is not None}
        if body is not None:
            return await ANSWERS[operation](self._here, body=body, **known)
        return await ANSWERS[operation](self._here, **known)


def run(settings: Settings, tenant: str | None, job: Callable[[DatabaseDesk], Awaitable[T]]) -> T:
    """What ``job`` returns."""

    async def answer(operations: work.Operations) -> T:
        here = Here(operations, tenant, work.OPERATOR)
        return await job(DatabaseDesk(here))

    return work.with_operations(settings, answer)
