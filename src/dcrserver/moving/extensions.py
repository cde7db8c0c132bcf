"""What other servers know of a client beside its metadata, as extension members of ours."""

from __future__ import annotations

import re

from dcrserver.moving.record import Moved
from dcrserver.strict_json import JsonObject, JsonValue

# The most that such a member may be: of access tokens, and of the others.
ACCESS_TOKEN_SECONDS, LONGEST_SECONDS = 86_400, 10 * 366 * 86_400
_DURATION = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})(?:\.[0-9]+)?s)?")


def keep(kept: JsonObject, made: Moved, its: str, ours: str, value: JsonValue) -> None:
    """Sets the member ``ours``, and tells that it was ``its``."""
    kept[ours] = value
    made.map(its, ours)


def keep_lifetime(
    kept: JsonObject, made: Moved, its: str, ours: tuple[str, ...], value: JsonValue
) -> None:
    """Sets members to a lifetime, a number of seconds or a duration such as 1h30m, if it can be."""
    found = _seconds(value)
    for name in ours:
        longest = ACCESS_TOKEN_SECONDS if "access_token" in name else LONGEST_SECONDS
        if found is None or not 1 <= found <= longest:
            made.drop(its, f"{name} is 1 to {longest} seconds")
        else:
            keep(kept, made, its, name, found)


def _seconds(value: JsonValue) -> int | None:
    text = str(value)
    if text.isascii() and text.isdigit():
        return int(text[:12])
    parts = _DURATION.fullmatch(text)
    if parts is None or not any(parts.groups()):
        return None
    hours, minutes, seconds = (int(each or 0) for each in parts.groups())
    return hours * 3600 + minutes * 60 + seconds
