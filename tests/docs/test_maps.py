"""What leads a newcomer through the files: the map of README, the ways in of CONTRIBUTING."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "src" / "dcrserver"


def test_the_map_has_a_line_for_each_package() -> None:
    section = (ROOT / "README.md").read_text("utf-8").partition("## How it is built")[2]
    mapped = re.findall(r"^\| `(\w+)/` \| \S", section, re.MULTILINE)
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert len(mapped) == len(set(mapped))
    assert set(mapped) == packages


def test_every_path_that_contributing_names_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`((?:src|tests|docs|migrations|requirements)/[\w./-]+)`", text))
    assert len(named) > 20
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_the_ways_in_name_a_test() -> None:
    section = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## Where to begin")[2]
    ways = [line for line in section.splitlines() if line.startswith("| a")]
    assert len(ways) > 10
    assert [way for way in ways if "`tests/" not in way.split("|")[3]] == []


def test_the_words_of_the_glossary_are_in_order() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    words = re.findall(r"^\| ([^|]+?) \|", text, re.MULTILINE)[1:]
    assert words == sorted(words)
