"""Idempotency-Key: a request that makes something can be sent again, if its answer was lost."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, TypeAlias

from fastapi import Depends, Header
from starlette.requests import Request

from dcrserver.edge.dependencies import headers
from dcrserver.errors import InvalidInput
from dcrserver.security import looks_generated
from dcrserver.services.access.idempotency import IdempotencyKey

_NAME = "Idempotency-Key"
# A structured string, or the same without its quotes.
_KEY = re.compile(r'"?([!#-~]{1,255})"?')
# What programs make at random: UUIDs of version 4 and 7 (RFC 9562 5.4, 5.7), ULIDs, 16 octets in
# hexadecimal, and in base64url, whose letters show no more than 80 bits of them.
_UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE
)
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.IGNORECASE)
_HEXADECIMAL = re.compile(r"[0-9a-f]{32,}", re.IGNORECASE)
_BASE64URL = re.compile(r"(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9_-]{22,}")
_RANDOM_BITS = 80
# Fewer different digits than these are in a random one once in a million.
_FEWEST_DIGITS = 7
_WORD = re.compile(r"(?<![A-Za-z0-9])[A-Z]?[a-z]{2,}(?![A-Za-z0-9])")
# What a route refuses with that takes ``IdempotencyKeyOf``.
REUSED = (422,)


async def idempotency_key(
    request: Request,
    idempotency_key: Annotated[  # noqa: ARG001 - read below, where it may be there twice
        str | None,
        Header(description="what is sent again with it within a day is done once; else 422"),
    ] = None,
) -> IdempotencyKey | None:
    """The key of the request, with the digest of all that makes it another one.

    Raises:
        InvalidInput: sent twice, or no text of 1 to 255 printable characters.
    """
    key = _key(request)
    return key and key.with_body(hashlib.sha256(await request.body()).hexdigest())


async def streamed_key(
    request: Request,
    idempotency_key: Annotated[  # noqa: ARG001 - as above
        str | None,
        Header(description="what is sent again with it within a day is done once; else 422"),
    ] = None,
) -> IdempotencyKey | None:
    """As ``idempotency_key``, for whoever reads the body in parts: its digest is still missing.

    Raises:
        InvalidInput: as ``idempotency_key``.
    """
    return _key(request)


def registration_key(request: Request) -> IdempotencyKey | None:
    """As ``streamed_key``, where anybody may ask: the answer that the key brings back holds
    credentials, so that nobody else may guess it, and what they are sealed by may come of it.

    Raises:
        InvalidInput: as ``idempotency_key``, or it is not random enough.
    """
    try:
        key = _key(request)
    except InvalidInput as error:
        raise InvalidInput(f"{_NAME} {error.description}", parameter=_NAME) from None
    if key is not None and not _is_random(key.key):
        reason = "must be made at random for this request, such as a UUID"
        raise InvalidInput(f"{_NAME} {reason}", parameter=_NAME)
    return key


def _is_random(key: str) -> bool:
    """Whether it has the form of what is made at random, and is no words with signs between."""
    if any(form.fullmatch(key) for form in (_UUID, _ULID, _HEXADECIMAL)):
        return len(set(key.lower()) - {"-"}) >= _FEWEST_DIGITS
    has_form = _BASE64URL.fullmatch(key) is not None
    return has_form and looks_generated(key, _RANDOM_BITS) and len(_WORD.findall(key)) <= 1


def _key(request: Request) -> IdempotencyKey | None:
    sent = headers(request, b"idempotency-key")
    if not sent:
        return None
    found = _KEY.fullmatch(sent[0]) if len(sent) == 1 else None
    if found is None:
        raise InvalidInput("must be one text of 1 to 255 printable characters", parameter=_NAME)
    scope = request.scope
    asked = f"{scope['method']} {scope['path']}?".encode() + scope["query_string"]
    return IdempotencyKey(found[1], hashlib.sha256(asked).hexdigest())


IdempotencyKeyOf: TypeAlias = Annotated[IdempotencyKey | None, Depends(idempotency_key)]
StreamedKeyOf: TypeAlias = Annotated[IdempotencyKey | None, Depends(streamed_key)]
