"""How a target fails us.

TargetError
├── TargetRefused         it will not have this client as it is
│   └── TargetTaken       another client has the identifier there
├── TargetMissing         what is to be changed is not there
├── TargetMisconfigured   it does not let us in, or is not what the configuration says
└── TargetAway            it does not answer, or not now
"""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_REASON_LENGTH = 200


def harmless(text: str) -> str:
    """What a target says, as clients may be told it: one short line of ASCII, without addresses."""
    words = _ADDRESS.sub("(address)", text[: 4 * _REASON_LENGTH])
    line = "".join(each if " " <= each <= "~" else " " for each in words)
    return " ".join(line.split())[:_REASON_LENGTH]


class TargetError(Exception):
    """``str`` is for operators: one line, with no secret and no body of an answer in it."""


class TargetRefused(TargetError):
    """It will not have this client as it is; asking again changes nothing.

    ``reason`` is for the client: a sentence made harmless (printable ASCII, at most 200
    characters, without addresses of the target).
    """

    def __init__(self, told: str, reason: str) -> None:
        super().__init__(told)
        self.reason = reason


class TargetTaken(TargetRefused):
    """A client that is not ours has this identifier there."""


class TargetMissing(TargetError):
    """What is to be read or changed is not there (any more)."""


class TargetMisconfigured(TargetError):
    """Our credentials are not good for what is to be done, or there is no such realm or path."""


class TargetAway(TargetError):
    """It does not answer, answers nonsense or 5xx, or asks for patience.

    ``is_unknown``: what was asked may have been done. ``retry_after``: seconds that it asked for.
    """

    def __init__(
        self, told: str, *, is_unknown: bool = True, retry_after: float | None = None
    ) -> None:
        super().__init__(told)
        self.is_unknown = is_unknown
        self.retry_after = retry_after
