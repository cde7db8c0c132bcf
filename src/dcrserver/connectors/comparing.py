"""What is sent compared: with what was sent before, and with what is there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from dcrserver.strict_json import JsonValue

_EMPTY: tuple[JsonValue, ...] = (None, "", [], {})


def digest(document: JsonValue) -> str:
    """The same for two documents whose members differ in their order alone."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def differing(
    names: Iterable[str], wanted: Mapping[str, JsonValue], there: Mapping[str, JsonValue]
) -> tuple[str, ...]:
    """Those of ``names`` whose values differ; one that is empty is as good as one that is not."""
    return tuple(name for name in names if full(wanted.get(name)) != full(there.get(name)))


def full(value: JsonValue) -> JsonValue:
    """``value``, or None where it is empty: targets answer so, each otherwise, of what is not."""
    return None if value in _EMPTY else value
