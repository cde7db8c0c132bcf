"""The errors that OpenAPI shows are copies: each must be a text that the program can say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dcrserver
from dcrserver import errors
from harness.application import Application

SOURCE = Path(dcrserver.__file__).parent
# What stands around a reason: the member that it is about, and when to come again.
_AROUND = re.compile(r"^[a-z_]+ element \d+ |; try again in \d+ s$")


async def test_the_errors_of_openapi_are_the_errors_of_the_program(app: Application) -> None:
    document = (await app.http.get("/openapi.json")).json()
    told = set(_of_every("error_description", document))
    shown = {_AROUND.sub("", text) for text in told if not text.startswith("Not Found: /")}
    patterns = list(_texts_of_the_program())
    assert len(shown) > 20
    assert {text for text in shown if not any(each.fullmatch(text) for each in patterns)} == set()


async def test_the_codes_and_statuses_of_openapi_are_those_of_a_class(app: Application) -> None:
    document = (await app.http.get("/openapi.json")).json()
    known = {(each.status, each.code) for each in _classes(errors.ProtocolError)}
    # The framework raises it for a method that no route of the path has.
    known.add((405, "method_not_allowed"))
    shown = {
        (int(status), code)
        for path in document["paths"].values()
        for operation in path.values()
        for status, answer in operation["responses"].items()
        for code in _of_every("error", answer)
    }
    assert shown - known == set()


def _of_every(name: str, node: Any) -> Iterator[str]:
    """Each text that has ``name`` anywhere in a JSON document."""
    if isinstance(node, dict) and isinstance(node.get(name), str):
        yield node[name]
    for inner in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    ):
        yield from _of_every(name, inner)


def _texts_of_the_program() -> Iterator[re.Pattern[str]]:
    """Every literal of the sources but OpenAPI's own; a value within one may be anything."""
    for path in SOURCE.rglob("*.py"):
        if (SOURCE / "api" / "openapi") in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.compile(re.escape(node.value))
            elif isinstance(node, ast.JoinedStr) and any(_is_worded(part) for part in node.values):
                yield re.compile("".join(map(_pattern, node.values)))


def _is_worded(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and str(part.value).count(" ") > 1


def _pattern(part: ast.expr) -> str:
    return re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+"


def _classes(base: type[errors.ProtocolError]) -> Iterator[type[errors.ProtocolError]]:
    yield base
    for below in base.__subclasses__():
        yield from _classes(below)
