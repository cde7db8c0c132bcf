"""Nimbus and Spring Security, over plain http as they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.driving import drive
from harness import builds
from harness.process import serving
from harness.programs import toolchain

pytestmark = [pytest.mark.interop, pytest.mark.timeout(900)]

HERE = Path(__file__).parent / "java"
SOURCES = [HERE / "pom.xml", HERE / "Nimbus.java", HERE / "Spring.java"]


def _build(folder: Path) -> None:
    libraries = folder / "libraries"
    builds.fetch(
        [
            toolchain("mvn"),
            "-q",
            "-B",
            "dependency:copy-dependencies",
            f"-DoutputDirectory={libraries}",
        ],
        HERE,
    )
    programs = [str(source) for source in SOURCES if source.suffix == ".java"]
    builds.step([toolchain("javac"), "-d", str(folder), "-cp", f"{libraries}/*", *programs], HERE)


@pytest.mark.finding("S5")
@pytest.mark.parametrize("name", ["Nimbus", "Spring"])
def test_java(name: str, tmp_path: Path) -> None:
    java = toolchain("java")
    folder = builds.built("java", SOURCES, _build)
    classes = f"{folder}:{folder}/libraries/*"
    with serving(tmp_path) as server:
        report = drive(
            [java, "-XX:TieredStopAtLevel=1", "-cp", classes, name, server.base_url], folder
        )
        assert report["token_type"] == "Bearer"
        assert report["registered"]
        for request in ('"POST", "path": "/register", "status": 201',
                        '"POST", "path": "/token", "status": 200'):  # fmt: skip
            assert f'"method": {request}' in server.log
        assert "unhandled" not in server.log
