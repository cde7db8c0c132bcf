"""Secrets are masked, whoever says them."""

from __future__ import annotations

import re
from typing import Any

_SECRET_NAMES = frozenset(
    {
        "authorization",
        "client_secret",
        "registration_access_token",
        "access_token",
        "client_assertion",
        "password",
        "private_key",
    }
)
_SECRET_ENDS = ("_secret", "_password")
# Our own tokens by their prefixes, bearer and basic credentials, JWTs, and passwords in URLs.
_SECRET_TEXT = re.compile(
    r"\b(?:rat|iat|adm|at|cs)_[A-Za-z0-9_-]{16,}"
    r"|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r"|(?<=://)[^/\s@:]*:[^/\s@]+(?=@)"
)
_MASK = "[hidden]"


_LISTS = (list, tuple)


def redact(value: Any) -> Any:  # noqa: ANN401 - any log value
    """``value`` with every secret masked, at any depth."""
    if isinstance(value, str):
        return _SECRET_TEXT.sub(_MASK, value) if _may_hold_a_secret(value) else value
    if isinstance(value, dict):
        return {
            key: _MASK if inner and _is_secret(str(key)) else redact(inner)
            for key, inner in value.items()
        }
    if isinstance(value, _LISTS):
        return [redact(inner) for inner in value]
    return value


def _may_hold_a_secret(text: str) -> bool:
    """False for most that is logged: each form of ``_SECRET_TEXT`` has one of these marks.

    To look for the forms themselves in every text takes longer than to write the line.
    """
    return "_" in text or "://" in text or "eyJ" in text or len(text.split(None, 1)) > 1


def _is_secret(name: str) -> bool:
    name = name.lower()
    return name in _SECRET_NAMES or name.endswith(_SECRET_ENDS)
