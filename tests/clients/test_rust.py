"""openidconnect and rmcp: a build of minutes, where DCR_TEST_RUST asks for it (make clients)."""

from __future__ import annotations

import os
from pathlib import Path

import jwt
import pytest

from clients.driving import drive
from clients.mcp_stack import stack
from harness import builds
from harness.process import serving
from harness.programs import toolchain

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        "DCR_TEST_RUST" not in os.environ, reason="a build of minutes: make clients"
    ),
]

HERE = Path(__file__).parent / "rust"
PROGRAMS = [HERE / "src" / "bin" / name for name in ("openidconnect.rs", "rmcp.rs")]


def _program(name: str) -> str:
    cargo = toolchain("cargo")

    def build(folder: Path) -> None:
        builds.fetch([cargo, "fetch", "--locked"], HERE)
        builds.step([cargo, "build", "--locked"], HERE, CARGO_TARGET_DIR=str(folder))

    sources = [HERE / "Cargo.toml", HERE / "Cargo.lock", *PROGRAMS]
    return str(builds.built("rust", sources, build) / "debug" / name)


def test_openidconnect(tmp_path: Path) -> None:
    program = _program("openidconnect")
    with serving(tmp_path) as server:
        report = drive([program, server.base_url], tmp_path)
    claims = jwt.decode(report["token"], options={"verify_signature": False})
    assert (claims["client_id"], claims["iss"]) == (report["registered"], server.base_url)
    assert report["token_type"].lower() == "bearer"


def test_rmcp(tmp_path: Path) -> None:
    program = _program("rmcp")
    with stack(tmp_path, os.environ["PATH"]) as people:
        report = drive([program, people.resource], tmp_path, **people.browser)
        asked = f'"path": "/authorization-server/clients/{report["registered"]}", "status": 200'
        assert asked in people.logs
        assert report["token"]
