"""Whether JSON holds secrets that can be read: told by the names of its members, while it comes."""

from __future__ import annotations

import json
import re

# Longer names mean nothing to anybody; a string need not be kept to find its end.
_LONGEST = 256
_INSIDE = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_SPACE = re.compile(rb"[ \t\r\n]*+")
_OTHER = re.compile(r"[^a-z]")
# Of any server, in any spelling: a file may hold more than its clients.
_TOLD_BY = ("secret", "password", "passphrase", "privatekey")
# The last two are those of JWKs (RFC 7518 6).
_NAMES = frozenset({"registration_access_token", "d", "k"})
# What is about a secret, and a list whose elements are looked at themselves.
_ABOUT = ("hash", "time", "expiresat", "method")
_HARMLESS = frozenset({"clientsecrets", "requireclientsecret"})


class ReadableSecrets:
    """Looks for secrets in what comes in parts.

    It is careful, not exact: the name of a member tells, wherever it stands, whatever its value.
    """

    def __init__(self) -> None:
        # The string that the last part ended in, or after.
        self._rest = b""

    def name_in(self, part: bytes) -> str | None:
        """The member that holds one, whose value is in the next ``part`` or later; None: none."""
        text, self._rest, at = self._rest + part, b"", 0
        while (start := text.find(b'"', at)) >= 0:
            end = _end(_INSIDE, text, start + 1)
            if end >= len(text) or text[end] != ord('"'):
                cut = len(text) - start > _LONGEST
                self._rest = b'"' + text[end:] if cut else text[start:]
                return None
            at = end + 1
            after = _end(_SPACE, text, at)
            if after == len(text):
                self._rest = text[start:at]
                return None
            if text[after] == ord(":") and _tells(name := _name(text[start:at])):
                return name
        return None


def _end(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _name(raw: bytes) -> str:
    text = raw.decode(errors="replace")
    try:
        return str(json.loads(text, strict=False))
    except ValueError:  # it will be refused as a whole
        return text


def _tells(name: str) -> bool:
    if name in _NAMES:
        return True
    plain = _OTHER.sub("", name.lower())
    if plain in _HARMLESS or plain.endswith(_ABOUT):
        return False
    return any(word in plain for word in _TOLD_BY)
