"""Somebody else who comes in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dcrserver.repositories.transaction import Database, Transaction
from harness.application import Application


def before_the_write(
    patch: pytest.MonkeyPatch, app: Application, does: Callable[[], Awaitable[Any]]
) -> None:
    """``does`` something once, when all is read and judged and nothing of it is written."""
    original, is_over = Database.transact, False

    async def late(self: Database, work: Callable[[Transaction], Awaitable[Any]]) -> Any:
        nonlocal is_over
        if self is app.runtime.database and not is_over:
            is_over = True
            await does()
        return await original(self, work)

    patch.setattr(Database, "transact", late)
