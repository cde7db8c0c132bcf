"""What a server that was asked refuses, or why it does not answer; loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dcrserver.errors import NotFound


class Refused(Exception):
    """What was asked for was not done; the text is for the operator."""


class BrokenOff(Refused):
    """An answer ended before its end; what came of it is whole."""


class Missing(Refused):
    """What was asked about is not there."""


# How either desk tells that something is not there.
MISSING = (Missing, NotFound)


def in_a_line(detail: str, mistakes: Iterable[Mapping[str, Any]]) -> str:
    """A refusal with the members and parameters that it is about.

    ``mistakes``: as a problem has them, each with a ``pointer`` or the name of a ``parameter``.
    """
    texts = [detail]
    for each in mistakes:
        where = str(each.get("parameter") or each.get("pointer") or "")
        name = where.rpartition("/")[2].removeprefix("#")  # of all that was sent: none
        if each.get("detail", "") not in detail:
            texts.append(f"{where}: {each['detail']}" if name else str(each["detail"]))
        elif name not in detail:
            texts[0] += f" ({where})"
    return "; ".join(texts)
