"""Files of tests have names of their own: two of one name cannot be collected together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent


def test_no_two_files_outside_of_packages_have_one_name() -> None:
    files = [file for file in HERE.rglob("test_*.py") if not (file.parent / "__init__.py").exists()]
    names = Counter(file.name for file in files)
    assert [name for name, number in names.items() if number > 1] == []
