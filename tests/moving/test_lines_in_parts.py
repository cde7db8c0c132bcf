"""Lines that come a part at a time are those of the whole file."""

from __future__ import annotations

import io
from itertools import chain

import pytest

from dcrserver.moving import Documents, Found, Lines, documents, is_by_line

_FILE = (
    b'{"client_id": "a"}\n\n  \n{broken\n{"client_id": "' + b"x" * 90 + b'"}\r\n{"client_id": "b"}'
)


def _told(found: Found) -> tuple[int, str, int]:
    return found.number, repr(found.value), found.size


def test_lines_in_parts_are_found_as_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is cut, and where a line is longer than may be looked at."""
    monkeypatch.setattr(documents, "_MAX_LINE", 64)
    assert is_by_line(_FILE)
    for content in (_FILE, _FILE + b"\n"):
        whole = [_told(each) for each in Documents(io.BytesIO(content))]
        assert len(whole) == 5
        for size in range(1, len(content) + 1):
            lines = Lines()
            parts = [content[at : at + size] for at in range(0, len(content), size)]
            found = [_told(each) for part in parts for each in [*lines.of(part)]]
            found += [_told(each) for each in chain(lines.rest())]
            assert found == whole, size
