"""What is looked at in the head of a request before anybody answers it."""

from __future__ import annotations

MAX_OCTETS = 65536
MAX_FIELDS = 100
_VERSIONS = frozenset({"1.0", "1.1"})
# More digits than any length that we would read; ``int`` refuses thousands with an exception.
_MAX_DIGITS = 19


def is_sound(method: bytes, version: str, headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether everybody on the way reads this head as we do.

    One Host (RFC 9112 3.2), no other framing than a plain length or ``chunked`` (RFC 9112 6.1,
    6.3), no other protocol than HTTP/1, no tunnel.
    """
    if version not in _VERSIONS or method == b"CONNECT":
        return False
    hosts = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"content-length":
            if len(value) > _MAX_DIGITS:
                return False
        elif name == b"transfer-encoding" and (
            version == "1.0" or value.strip(b" \t").lower() != b"chunked"
        ):
            return False
    return hosts == 1 or (not hosts and version == "1.0")


def without_upgrade(
    method: bytes, url: bytes, version: str, headers: list[tuple[bytes, bytes]]
) -> bytes:
    """The head once more, as if nothing but HTTP had been offered (RFC 9110 7.8 allows that)."""
    lines = [b"%s %s HTTP/%s" % (method, url, version.encode("ascii"))]
    lines += [b"%s: %s" % field for field in headers if field[0] != b"upgrade"]
    return b"\r\n".join([*lines, b"", b""])
