"""Secrets are masked, whoever says them."""

from __future__ import annotations

import re
from typing import Any

_SECRET_NAMES = re.compile(
    r"(?i)^(authorization|client_secret|registration_access_token|access_token|client_assertion|password"
    r"|private_key|.*_(secret|password))$"
)
# Our own tokens by their prefixes, bearer and basic credentials, JWTs, and passwords in URLs.
_SECRET_TEXT = re.compile(
    r"\b(?:rat|iat|adm|at|cs)_[A-Za-z0-9_-]{16,}"
    r"|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r"|(?<=://)[^/\s@:]*:[^/\s@]+(?=@)"
)
_MASK = "[hidden]"


def redact(value: Any) -> Any:  # noqa: ANN401 - any log value
    """``value`` with every secret masked, at any depth."""
    if isinstance(value, str):
        return _SECRET_TEXT.sub(_MASK, value)
    if isinstance(value, dict):
        return {
            key: _MASK if _SECRET_NAMES.match(str(key)) and inner else redact(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(inner) for inner in value]
    return value
