"""What the everyday run does little of, and the long run (DCR_TEST_LONG=1, as in CI) more."""

from __future__ import annotations

import os

import pytest

IS_LONG = os.environ.get("DCR_TEST_LONG") == "1"

only_long = pytest.mark.skipif(not IS_LONG, reason="in the long run: DCR_TEST_LONG=1, as in CI")


def rounds(everyday: int, *, long: int) -> int:
    """How often the same is done, where the number is arbitrary."""
    return long if IS_LONG else everyday
