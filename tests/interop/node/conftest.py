"""The packages that the scripts use, and the server that they drive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.process import serving

HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def _packages(npm_install: Callable[[Path], None]) -> None:
    npm_install(HERE)


@pytest.fixture(scope="session", params=["127.0.0.1", "localhost"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The base URL of a server with the tenant acme."""
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, env={"DCR_TENANTS": '{"acme": {}}'}, host=request.param) as running:
        yield running.base_url
