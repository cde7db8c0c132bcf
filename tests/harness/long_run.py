"""What the everyday run does little of, and the long run (DCR_TEST_LONG=1, as in CI) more."""

from __future__ import annotations

import os

import pytest

from harness.databases import BACKENDS

IS_LONG = os.environ.get("DCR_TEST_LONG") == "1"

only_long = pytest.mark.skipif(not IS_LONG, reason="in the long run: DCR_TEST_LONG=1, as in CI")

# For ``parametrize``: SQLite every day, the others in the long run, too. For tests that take
# seconds at each of them, most of which are none of the database's business.
FIRST_EVERYDAY = [BACKENDS[0], *(pytest.param(each, marks=only_long) for each in BACKENDS[1:])]


def rounds(everyday: int, *, long: int) -> int:
    """How often the same is done, where the number is arbitrary."""
    return long if IS_LONG else everyday
