"""How many examples a property is tried with: some every day, all in CI, more by choice."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

_SHARE = float(os.environ.get("DCR_TEST_EXAMPLES") or 0.15)


def examples(count: int, **more: Any) -> settings:
    """Tries ``count`` examples, or the share of them that DCR_TEST_EXAMPLES says.

    The first few find most of what there is to find.
    """
    return settings(max_examples=max(1, round(count * _SHARE)), deadline=None, **more)
