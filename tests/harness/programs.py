"""Programs of others that some tests need: skipped with the reason without them, but not in CI."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

# Debian keeps servers where the PATH of a user does not look.
_ELSEWHERE = ("/usr/sbin", "/usr/local/sbin", "/sbin")


def program(name: str) -> str:
    """The path of the program ``name``.

    Without it the test is skipped; where DCR_TEST_PROGRAMS is ``required``, as in CI, it fails.
    """
    path = os.pathsep.join((os.environ.get("PATH", ""), *_ELSEWHERE))
    found = shutil.which(name, path=path)
    return found or missing(f"{name} is not installed")


def toolchain(name: str) -> str:
    """The path of a compiler or of what starts one: large, and at home where its language is.

    Without it the test is skipped, in CI too; ``make clients`` fails (DCR_TEST_TOOLCHAINS).
    """
    found = shutil.which(name)
    if found:
        return found
    reason = f"{name} is not installed: no clients in its language to test with"
    if os.environ.get("DCR_TEST_TOOLCHAINS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def missing(reason: str) -> NoReturn:
    """Skips the test because of ``reason``, or fails where nothing may be skipped."""
    if os.environ.get("DCR_TEST_PROGRAMS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)
