"""What a submission costs grows with its size and not faster, for every member and all rules.

A body has at most 64 KB (POL-01). Each shape below is made four times as large; a cost by the
square would be sixteen times as high.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from dcrserver.metadata import PARAMETERS, Parameter, Terms, examine
from dcrserver.policies import Policy
from dcrserver.strict_json import JsonObject, JsonValue
from harness.cases import each
from metadata.strategies import JUDGED_BY, KEY
from metadata.support import MINIMAL, certified_key

pytestmark = pytest.mark.finding("S7")

_BODY = Policy().registration.max_body_bytes
# A quarter of a second would be one request holding up all others; the slowest takes 10 ms.
_MOST_SECONDS = 0.15
# Below this, what a busy machine adds says more than the cost.
_FLOOR_SECONDS = 0.01
_GROWTH = 9.0

_CERTIFIED = certified_key()
_CHAIN = list[JsonValue](_CERTIFIED["x5c"] if isinstance(_CERTIFIED["x5c"], list) else [])


def _texts(count: int, text: str = "x{}") -> list[JsonValue]:
    return [text.format(number) for number in range(count)]


def _nested(depth: int) -> JsonValue:
    made: JsonValue = {}
    for _ in range(depth):
        made = {"a": made}
    return made


def _of_octets(octets: int, each: str) -> int:
    """How many of ``each`` (with its number) a member of so many octets holds."""
    return octets // (len(each) + 4)


# Values of about so many octets, by what is worst for somebody who reads them.
VALUES: dict[str, Callable[[int], JsonValue]] = {
    "scope tokens": lambda size: " ".join(f"{n:x}" for n in range(size // 5)),
    "one long text": lambda size: "a" * size,
    "spaces": lambda size: " " * size,
    "a long URL": lambda size: "https://a.example/" + "a" * size,
    "a URL of many parts": lambda size: "https://a.example/" + "a/" * (size // 2),
    "a URL of many labels": lambda size: "https://" + "a." * (size // 2) + "example/",
    "A-labels": lambda size: "https://" + "xn--4ca." * (size // 8) + "example/",
    "dots and digits": lambda size: "1." * (size // 2),
    "colons": lambda size: "https://[" + ":" * size + "]/",
    "at-signs": lambda size: "https://" + "a@" * (size // 2) + "a.example/",
    "percent-encodings": lambda size: "https://a.example/" + "%41" * (size // 3),
    "an e-mail address": lambda size: "a" * (size // 2) + "@" + "a." * (size // 4) + "example",
    "a distinguished name": lambda size: "CN=" + "a,CN=" * (size // 5) + "a",
    "escapes of a name": lambda size: "CN=" + "\\," * (size // 2),
    "distinct texts": lambda size: _texts(_of_octets(size, "x")),
    "the same text": lambda size: ["x"] * (size // 4),
    "distinct URLs": lambda size: _texts(_of_octets(size, "https://a.example/"), "https://a{}.example/"),
    "private-use URLs": lambda size: _texts(_of_octets(size, "com.a.b:/"), "com.a.b:/{}"),
    "response types": lambda size: [" ".join(["code", "token", "id_token"] * (size // 20))],
    "an array of arrays": lambda size: [[]] * (size // 3),
    "an object of many members": lambda size: {f"a{n}": {} for n in range(size // 11)},
    "a nested object": lambda size: _nested(min(size // 6, 200)),
    "many keys": lambda size: {"keys": [{**KEY, "kid": f"{n}"} for n in range(size // 90)]},
    "unknown keys": lambda size: {"keys": [{"kty": "X"}] * (size // 12)},
    "one key of many members": lambda size: {"keys": [KEY | {f"{n}": 1 for n in range(size // 9)}]},
    "operations of a key": lambda size: {"keys": [KEY | {"key_ops": _texts(size // 8)}]},
    "keys with certificates": lambda size: {"keys": [
        {**_CERTIFIED, "x5c": _CHAIN * (size // 12_000 + 1), "kid": f"{n}"} for n in range(20)
    ]},
    "certificates of a key": lambda size: {"keys": [KEY | {"x5c": ["MIIB"] * (size // 7)}]},
}  # fmt: skip


def _tagged(row: Parameter, size: int) -> JsonObject:
    example = row.example or "https://a.example/"
    count = size // (len(row.name) + len(str(example)) + 10)
    return {**MINIMAL, **{f"{row.name}#de-x-{n:05}": example for n in range(count)}}


WHOLE: dict[str, Callable[[int], JsonObject]] = {
    "members that nobody knows": lambda size: {
        **MINIMAL, **{f"x{n}": n for n in range(size // 12)}
    },
    "broken language tags": lambda size: {
        **MINIMAL, **{f"client_name#{n}": "x" for n in range(size // 24)}
    },
    "one long language tag": lambda size: {**MINIMAL, "client_name#x" + "-a" * (size // 2): "x"},
    "a tag of extensions": lambda size: {**MINIMAL, "client_name#de-a" + "-bb" * (size // 3): "x"},
    "a tag of variants": lambda size: {**MINIMAL, "client_name#de" + "-abcde" * (size // 6): "x"},
    "all members at once": lambda size: {
        **MINIMAL, **{name: _texts(size // 10 // len(PARAMETERS)) for name in PARAMETERS}
    },
    "all that can be in several languages": lambda size: {
        key: value
        for row in PARAMETERS.values()
        if row.localizable
        for key, value in _tagged(row, size // 8).items()
    },
}  # fmt: skip


def _seconds(submission: JsonObject, terms: Terms, enough: float) -> float:
    """Of the processor, for judging it: the least of some, as soon as one is good ``enough``."""
    least = float("inf")
    for _ in range(15):
        started = time.thread_time()
        examine(submission, terms)
        least = min(least, time.thread_time() - started)
        if least <= enough:
            break
    return least


@dataclass
class Pair:
    """What a test judges: as large as a body may be, and a quarter of that."""

    large: JsonObject
    small: JsonObject

    @classmethod
    def of(cls, make: Callable[[int], JsonObject]) -> Pair:
        made = cls(make(_BODY - 1024), make(_BODY // 4 - 256))
        assert len(json.dumps(made.large)) < 2 * _BODY
        return made

    def named(self, name: str) -> Pair:
        """The same with ``value`` as the member ``name``."""
        return Pair(*({**MINIMAL, name: sent["value"]} for sent in (self.large, self.small)))

    def grows_slowly(self, terms: Terms) -> bool:
        taken = _seconds(self.large, terms, _FLOOR_SECONDS)
        if taken <= _FLOOR_SECONDS:
            return True
        allowed = _GROWTH * max(_seconds(self.small, terms, 0), _FLOOR_SECONDS / 4)
        return taken <= min(allowed, _MOST_SECONDS)


@pytest.mark.parametrize("shape", VALUES)
def test_every_member_costs_by_its_size(shape: str) -> None:
    pair = Pair.of(lambda size: {"value": VALUES[shape](size)})
    for name in PARAMETERS:
        for terms in ("everything", "everything on", "nothing known", "strict"):
            assert pair.named(name).grows_slowly(JUDGED_BY[terms]), f"{name}, {terms}"


@each("name", [row.name for row in PARAMETERS.values() if row.localizable])
def test_languages_cost_by_their_number(name: str) -> None:
    pair = Pair.of(lambda size: _tagged(PARAMETERS[name], size))
    for terms in JUDGED_BY:
        assert pair.grows_slowly(JUDGED_BY[terms]), terms


@each("shape", WHOLE)
def test_whole_submissions_cost_by_their_size(shape: str) -> None:
    pair = Pair.of(WHOLE[shape])
    for terms in JUDGED_BY:
        assert pair.grows_slowly(JUDGED_BY[terms]), terms


_TOO_MANY = ["scope must not have more than 500 scope tokens"]


@each("count, told", [(500, []), (501, _TOO_MANY)])
def test_scope_tokens_are_bounded(count: int, told: list[str]) -> None:
    submission = {**MINIMAL, "scope": " ".join(map(str, range(count)))}
    _, issues = examine(submission, JUDGED_BY["everything"])
    assert [issue.text for issue in issues] == told


def test_scope_tokens_that_repeat_count_once() -> None:
    draft, issues = examine(
        {**MINIMAL, "scope": " ".join(["email", "openid"] * 1000)}, JUDGED_BY["everything"]
    )
    assert (draft.text("scope"), issues) == ("email openid", [])
