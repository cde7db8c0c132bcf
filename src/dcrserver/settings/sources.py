"""Where each value of the configuration came from: the command line, a variable, or the file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcrserver.settings.lines import line_of

PREFIX = "DCR_"
_LEVEL = "__"


@dataclass(frozen=True, slots=True)
class Sources:
    """What was given beside the environment: ``flags``, and what is ``written`` in ``file``, whose
    ``text`` tells the line.
    """

    flags: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None
    written: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    def told(self, key: Sequence[str]) -> str:
        """To follow what is wrong with the value at ``key``, or with a group of that name."""
        places = self.places(key)
        return f" (from {' and '.join(places)})" if places else ""

    def places(self, key: Sequence[str]) -> list[str]:
        """The option, variables or line of the file of the value at ``key``; none by default."""
        in_a_file = (*key[:-1], f"{key[-1]}_file")
        return list(self._of(key)) or list(self._of(in_a_file))

    def _of(self, key: Sequence[str]) -> Iterable[str]:
        if _holds(self.flags, key):
            return _options(self.flags, key)
        variables = {name: _keys(name) for name in sorted(os.environ) if _is_ours(name)}
        lowered = [part.lower() for part in key]
        if deciding := [name for name, keys in variables.items() if _decides(name, keys, lowered)]:
            return deciding
        below = [name for name, keys in variables.items() if keys[: len(lowered)] == lowered]
        return [*below, self._place(key)] if _holds(self.written, key) else below

    def _place(self, key: Sequence[str]) -> str:
        return f"{self.file}, line {line_of(key, self.text)}"


def variables_of(group: str) -> Iterator[str]:
    """The variables that are about ``group``, or something in it."""
    return (name for name in sorted(os.environ) if _is_ours(name) and _keys(name)[0] == group)


def _is_ours(name: str) -> bool:
    return name.upper().startswith(PREFIX)


def _keys(name: str) -> list[str]:
    return name[len(PREFIX) :].lower().split(_LEVEL)


def _decides(name: str, keys: Sequence[str], key: Sequence[str]) -> bool:
    """Whether the variable is the value at ``key``, or JSON that holds it."""
    if keys != key[: len(keys)]:
        return False
    try:
        value = json.loads(os.environ[name])
    except ValueError:
        return True
    return _holds(value, key[len(keys) :])


def _options(flags: Mapping[str, Any], key: Sequence[str]) -> list[str]:
    """Those that the value at ``key`` is made of: of a group, each that was given."""
    value: Any = flags
    for part in key:
        value = value[part] if isinstance(value, Mapping) else value
    names = value if isinstance(value, Mapping) else key[-1:]
    return [f"--{name.replace('_', '-')}" for name in names]


def _holds(value: Any, key: Sequence[str]) -> bool:  # noqa: ANN401 - any part of the configuration
    """Whether there is something at ``key``, or what is to be divided further and is not."""
    for part in key:
        if not isinstance(value, Mapping):
            return True
        if part not in value:
            return False
        value = value[part]
    return True
