"""What comes of a fetch: a document, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass


class FetchError(Exception):
    """The document could not be had. The message is for the log only: callers tell one story."""


@dataclass(frozen=True, slots=True)
class Document:
    """``media_type`` in lower case without parameters.

    ``max_age``: seconds for which its server lets it be reused, 0 for never, None if it says
    nothing (RFC 9111 5.2.2).
    """

    body: bytes
    media_type: str
    max_age: int | None = None
