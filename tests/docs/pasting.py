"""The commands of a page of the documentation, pasted into a shell from top to bottom."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.process import command_of_shells, environment, lasting_port

ROOT = Path(__file__).parents[2]
# A fence with the word after it; before it, maybe, why nobody pastes it here.
_FENCE = re.compile(
    r"(?:<!-- not pasted: (?P<reason>[^\n]+) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
# The pages say 8000 for dcrserver, 3000 for an authorization server, 9000 for what needs tokens.
_PORTS = re.compile(r"\b(8000|8001|3000|9000)\b")
_SECONDS = 240
# What the pages presume: a server that runs in another shell, in the same folder.
SERVER = """
dcrserver serve >server.log 2>&1 &
curl -sf --retry 60 --retry-delay 1 --retry-connrefused http://127.0.0.1:8000/readyz; echo
"""


@dataclass(frozen=True)
class Block:
    kind: str
    text: str
    reason: str | None


def pages() -> list[Path]:
    """Every page that people read from top to bottom."""
    found = sorted((ROOT / "docs").rglob("*.md"))
    return [ROOT / "README.md", *(page for page in found if "node_modules" not in page.parts)]


def blocks(page: Path) -> list[Block]:
    return [
        Block(m["kind"], m["text"], m["reason"]) for m in _FENCE.finditer(page.read_text("utf-8"))
    ]


def section(page: Path, heading: str) -> list[str]:
    """The commands below a heading, block by block, until the next heading."""
    text = page.read_text("utf-8")
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"{page.name} has no {heading}"
    return [
        each["text"] for each in _FENCE.finditer(re.split(r"^#+ ", rest, flags=re.MULTILINE)[0])
    ]


def commands(page: Path) -> str:
    """What a reader would paste, all of it."""
    found = [block.text for block in blocks(page) if block.kind == "sh" and block.reason is None]
    return "\n".join(found)


@dataclass
class Shell:
    """A bash in a checkout of its own, with free ports in place of those that the pages name."""

    folder: Path

    def __post_init__(self) -> None:
        self.ports = {each: str(lasting_port()) for each in ("8000", "8001", "3000", "9000")}
        for name in ("docs", "README.md"):
            (self.folder / name).symlink_to(ROOT / name)

    def paste(
        self, text: str, variables: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> str:
        """What ``text`` printed (in ``folder``); whatever it left running is ended."""
        command, files = command_of_shells()
        output, log = self.folder / "printed", self.folder / "errors"
        with output.open("wb") as stdout, log.open("wb") as stderr:
            shell = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", self.translated(text)],
                cwd=folder or self.folder, stdout=stdout, stderr=stderr, start_new_session=True,
                env=environment(**self._variables(command), **dict(variables or {})),
                pass_fds=files,
            )  # fmt: skip
            try:
                status = shell.wait(_SECONDS)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(shell.pid, signal.SIGTERM)
                shell.wait()
        told = "\n".join(each.read_text("utf-8", "replace") for each in self.folder.glob("*.log"))
        assert status == 0, f"{output.read_text()}\n{log.read_text()}\n{told}"
        return output.read_text("utf-8")

    def translated(self, text: str) -> str:
        return _PORTS.sub(lambda found: self.ports[found[1]], text)

    def add(self, program: str) -> None:
        """Makes ``program`` the one that its name means."""
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        (folder / Path(program).name).symlink_to(program)

    def _variables(self, command: list[str]) -> dict[str, str]:
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "dcrserver"
        if not program.exists():
            program.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', "utf-8")
            program.chmod(0o755)
        return {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "DCR_SERVER__PORT": self.ports["8000"],
            "DCR_SERVER__DRAIN_SECONDS": "0",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def provide(self, name: str, program: Path | str) -> None:
        """A program where the page expects it to be."""
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f'#!/bin/sh\nexec {program} "$@"\n', "utf-8")
        place.chmod(0o755)
