"""What is looked at in the head of a request before anybody answers it."""

from __future__ import annotations

from typing import TypeAlias

Headers: TypeAlias = list[tuple[bytes, bytes]]

MAX_OCTETS = 65536
MAX_FIELDS = 100
_VERSIONS = frozenset({"1.0", "1.1"})
_ONCE = (b"host", b"content-length", b"transfer-encoding")
# More digits than any length that we would read; ``int`` refuses thousands with an exception.
_MAX_DIGITS = 19


def is_sound(
    method: bytes,
    version: str,
    headers: Headers,
    fields: dict[bytes, bytes],
) -> bool:
    """Whether everybody on the way reads this head as we do; ``fields``: the headers by name.

    One Host (RFC 9112 3.2), no other framing than a plain length or ``chunked``, once (RFC 9112
    6.1, 6.3), no other protocol than HTTP/1, no tunnel.
    """
    if version not in _VERSIONS or method == b"CONNECT":
        return False
    if len(fields) != len(headers):
        names = [name for name, _ in headers]
        if any(names.count(name) > 1 for name in _ONCE):
            return False
    if len(fields.get(b"content-length", b"")) > _MAX_DIGITS:
        return False
    coding = fields.get(b"transfer-encoding")
    if coding is not None and (version == "1.0" or coding.strip(b" \t").lower() != b"chunked"):
        return False
    return b"host" in fields or version == "1.0"


def without_upgrade(method: bytes, url: bytes, version: str, headers: Headers) -> bytes:
    """The head once more, as if nothing but HTTP had been offered (RFC 9110 7.8 allows that)."""
    lines = [b"%s %s HTTP/%s" % (method, url, version.encode("ascii"))]
    lines += [b"%s: %s" % field for field in headers if field[0] != b"upgrade"]
    return b"\r\n".join([*lines, b"", b""])
