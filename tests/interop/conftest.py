"""Programs of others, installed once: packages from npm, and Python ones in their environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import npm
from harness.interop_python import interop_python


@pytest.fixture(scope="session")
def node() -> str:
    """The node program."""
    return npm.node()


@pytest.fixture(scope="session")
def npm_install(node: str) -> Callable[[Path], None]:
    """``npm ci`` in a folder."""
    assert node
    return npm.install


@pytest.fixture(scope="session")
def python() -> str:
    """The interpreter of an environment of its own."""
    return interop_python()
