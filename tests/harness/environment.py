"""The environment of the programs that tests start."""

from __future__ import annotations

import os


def environment(**settings: str) -> dict[str, str]:
    """Our environment without settings of the developer's own, plus ``settings``.

    Nor one that forbids to keep compiled code: each of hundreds of servers would compile it anew.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONDONTWRITEBYTECODE"
        and (not name.startswith("DCR_") or name.startswith("DCR_TEST_"))
    }
    return inherited | settings
