"""Files of tests have names of their own, in whatever folder: whoever names one means one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent


def test_no_two_files_have_one_name() -> None:
    names = Counter(file.name for file in HERE.rglob("test_*.py"))
    assert [name for name, number in names.items() if number > 1] == []
