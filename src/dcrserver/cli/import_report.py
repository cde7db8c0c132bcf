"""The report of an import in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcrserver.cli.output import printable
from dcrserver.moving import Kind, Report, Told

# What a whole file has in common need not fill the screen.
_MAX_KINDS = 100


def in_words(report: Report) -> Iterator[str]:
    """What was refused, mapped and dropped, a line for each kind with the first of its clients."""
    for title, kinds in (
        ("refused", report.refused()),
        ("mapped", _named(report.mapped())),
        ("dropped", _named(report.dropped())),
    ):
        yield from (printable(line) for line in _section(title, kinds))


def _named(kinds: Iterable[tuple[Told, Kind]]) -> Iterator[tuple[str, Kind]]:
    return ((f"{told.member}: {told.what}", kind) for told, kind in kinds)


def _section(title: str, kinds: Iterable[tuple[str, Kind]]) -> Iterator[str]:
    listed = list(kinds)
    if listed:
        yield f"{title}:"
    for text, kind in listed[:_MAX_KINDS]:
        yield f"  {kind.count} x {text}"
        more = ", ..." if kind.count > len(kind.examples) else ""
        yield f"      {', '.join(kind.examples)}{more}"
    if len(listed) > _MAX_KINDS:
        yield f"  and {len(listed) - _MAX_KINDS} more kinds (see --json)"
