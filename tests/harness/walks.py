"""The way of a request: which modules it passes, how often it changes, and where it goes up.

Layers are those of the import contracts in pyproject.toml. A call goes up when its module lies in
a higher layer than that of its nearest caller of ours. No callers are those that only run what they
were given: the router, a transaction and the loop around one that changes a client, ``batching``,
which is a part of the event loop, ``caches``, which is one of ``functools``, and ``logger``,
which asks for its configuration once.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType

_PROJECT = Path(__file__).parents[2] / "pyproject.toml"
_PACKAGE = "dcrserver"
RUN_WHAT_THEY_ARE_GIVEN = (
    "dcrserver.edge.dispatch",
    "dcrserver.batching",
    "dcrserver.caches",
    "dcrserver.logger",
    "dcrserver.services.access.stored_clients.changing",
    "dcrserver.db.protocol",
    "dcrserver.repositories.transaction",
)


@dataclass
class Walk:
    """``files`` are modules; ``upward`` pairs of caller and called, as module.function."""

    files: set[str] = field(default_factory=set)
    calls: int = 0
    changes: int = 0
    upward: list[tuple[str, str]] = field(default_factory=list)
    _last: str = ""

    def __str__(self) -> str:
        return f"{len(self.files)} files, {self.changes} changes of file, {len(self.upward)} upward"

    def step(self, frame: FrameType) -> None:
        module = _module(frame)
        if module is None:
            return
        self.files.add(module)
        self.calls += 1
        self.changes += module != self._last
        self._last = module
        caller = _caller(frame)
        if caller is not None and _height(_module(caller) or "") < _height(module):
            self.upward.append((_name(caller), _name(frame)))


@contextmanager
def walking() -> Iterator[Walk]:
    """What this thread calls meanwhile."""
    walk = Walk()

    def hook(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            walk.step(frame)

    sys.setprofile(hook)
    try:
        yield walk
    finally:
        sys.setprofile(None)


def _module(frame: FrameType) -> str | None:
    name = frame.f_globals.get("__name__", "")
    return name if name.startswith(f"{_PACKAGE}.") else None


def _name(frame: FrameType) -> str:
    return f"{_module(frame)}.{frame.f_code.co_name}"


def _caller(frame: FrameType) -> FrameType | None:
    """The nearest of ours; None where it is one that runs what it was given."""
    caller = frame.f_back
    while caller is not None and _module(caller) is None:
        caller = caller.f_back
    if caller is None or _name(caller).startswith(RUN_WHAT_THEY_ARE_GIVEN):
        return None
    return caller


@cache
def _height(module: str) -> tuple[int, int]:
    """Of a module's layer; within the services that of its area as well."""
    first, _, rest = module.removeprefix(f"{_PACKAGE}.").partition(".")
    area = rest.partition(".")[0]
    return _layers(_PACKAGE)[first], _layers(f"{_PACKAGE}.services").get(area, 0)


@cache
def _layers(container: str) -> dict[str, int]:
    """Layer -> height, the lowest 1."""
    contracts = tomllib.loads(_PROJECT.read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each.get("containers") == [container])
    return {
        name.strip(): height
        for height, line in enumerate(reversed(layers), 1)
        for name in line.split("|")
    }
