"""Progress on stderr, while that is a terminal, of whatever takes longer than a second."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import typer

_PATIENCE_SECONDS = 1.0
_BAR = 36
_ERASE_LINE = "\r\x1b[K"


@contextmanager
def bar(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """A progress bar, where the amount of work is known; what is yielded moves it on."""
    hidden = not sys.stderr.isatty()
    with typer.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden) as shown:
        yield shown.update


@contextmanager
def moving() -> Iterator[Callable[[str, int, int | None], None]]:
    """A line that is told of what there is, how much of it is done, and how much there is to do,
    where that changes, or is not known (None).
    """
    if not sys.stderr.isatty():
        yield lambda _label, _done, _total: None
        return

    def move(label: str, done: int, total: int | None) -> None:
        share = min(1.0, done / total) if total else 0.0
        filled = "#" * round(share * _BAR)
        told = f"{done} of {total}" if total is not None else "..."
        line = f"{_ERASE_LINE}{label}  [{filled:-<{_BAR}}]  {told}"
        print(line, end="", file=sys.stderr, flush=True)

    try:
        yield move
    finally:
        print(_ERASE_LINE, end="", file=sys.stderr, flush=True)


@asynccontextmanager
async def waiting(*, shown: bool = True) -> AsyncIterator[None]:
    """A line that counts seconds, where the amount of work is not known."""
    if not (shown and sys.stderr.isatty()):
        yield
        return
    import asyncio

    counting = asyncio.create_task(_count())
    try:
        yield
    finally:
        counting.cancel()
        with suppress(asyncio.CancelledError):
            await counting


async def _count() -> None:
    import asyncio

    passed = 0
    try:
        while True:
            await asyncio.sleep(_PATIENCE_SECONDS)
            passed += 1
            print(f"{_ERASE_LINE}working, {passed} s", end="", file=sys.stderr, flush=True)
    finally:
        if passed:
            print(_ERASE_LINE, end="", file=sys.stderr, flush=True)
