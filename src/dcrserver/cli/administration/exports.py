"""Exports: lines that are printed as they come; where a connection breaks they go on behind it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from dcrserver.cli.administration.refusals import BrokenOff, Refused
from dcrserver.cli.shared import print_message

if TYPE_CHECKING:
    from dcrserver.cli.administration.desks import Desk
    from dcrserver.cli.administration.where import Where

# One after the other, without a line between them.
_ATTEMPTS = 6
_FIRST_SECONDS = 0.5


def print_export(
    where: Where,
    operation: str,
    key: str,
    after: str | None,
    advice: str = "",
    **given: str | None,
) -> None:
    """Prints what ``operation`` exports after the line whose member ``key`` is ``after``; the
    ``advice`` to who reads it, once it is not refused.

    Raises:
        Refused: it was broken off for good; the text says how to go on.
    """
    where.run(
        lambda desk: _printed(desk, operation, key, after, advice, given),
        progress=not sys.stdout.isatty(),
    )


async def _printed(
    desk: Desk,
    operation: str,
    key: str,
    after: str | None,
    advice: str,
    given: dict[str, str | None],
) -> None:
    import asyncio

    reached, attempts = after, 0
    while True:
        try:
            async for text in desk.lines(operation, after=reached, **given):
                if advice:
                    print_message(advice)
                    advice = ""
                sys.stdout.write(text)
                reached, attempts = _last(text, key), 0
            sys.stdout.flush()
        except BrokenOff as error:
            attempts += 1
            if reached == after:
                raise
            if attempts >= _ATTEMPTS:
                raise Refused(f"{error}; --after {reached} goes on with the rest") from None
            await asyncio.sleep(_FIRST_SECONDS * 2**attempts)
        else:
            return


def _last(text: str, key: str) -> str:
    """What the last line of ``text`` is called."""
    return str(json.loads(text[text.rfind("\n", 0, -1) + 1 :])[key])
