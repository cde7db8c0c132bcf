"""JSON Merge Patch and JSON Patch, by the examples of their RFCs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrserver.json_patch import BadPatch, NotAsTested, merged, patched, pointer

# RFC 7396, appendix A.
MERGES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]

# RFC 6902, appendix A, and what it says in words.
PATCHES: list[tuple[Any, list[dict[str, Any]], Any]] = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
    ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}],
     {"foo": ["bar", "qux", "baz"]}),
    ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
    ({"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
     [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
     {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}}),
    ({"foo": ["all", "grass", "cows", "eat"]}, [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
     {"foo": ["all", "cows", "eat", "grass"]}),
    ({"a": ["x", 2]}, [{"op": "test", "path": "/a/1", "value": 2.0}], {"a": ["x", 2]}),
    ({"foo": "bar"}, [{"op": "add", "path": "/child", "value": {"grandchild": {}}}],
     {"foo": "bar", "child": {"grandchild": {}}}),
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}],
     {"foo": "bar", "baz": "qux"}),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}],
     {"foo": ["bar", ["abc", "def"]]}),
    ({"a": 1}, [{"op": "replace", "path": "", "value": [1]}], [1]),
    ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"},
                       {"op": "replace", "path": "/c/b", "value": 2}],
     {"a": {"b": 1}, "c": {"b": 2}}),
    ({"a": 1}, [{"op": "move", "from": "/a", "path": "/a"}], {"a": 1}),
    ({"": 1}, [{"op": "remove", "path": "/"}], {}),
]  # fmt: skip

REFUSED: list[tuple[Any, Any, int | None]] = [
    ({}, {"op": "add"}, None),
    ({}, [{"op": "add", "path": "/a"}], 0),
    ({"foo": "bar"}, [{"op": "add", "path": "/baz/bat", "value": "qux"}], 0),
    ({}, [{"op": "add", "path": "/a", "value": 1}, {"op": "remove", "path": "/b"}], 1),
    ({}, [{"op": "replace", "path": "/a", "value": 1}], 0),
    ({"a": []}, [{"op": "add", "path": "/a/1", "value": 1}], 0),
    ({"a": [1, 2]}, [{"op": "remove", "path": "/a/01"}], 0),
    ({"a": [1]}, [{"op": "remove", "path": "/a/-"}], 0),
    ({"a": [1]}, [{"op": "remove", "path": "/a/-1"}], 0),
    ({"a": {"b": 1}}, [{"op": "move", "from": "/a", "path": "/a/b"}], 0),
    ({}, [{"op": "spell", "path": "/a"}], 0),
    ({}, [{"op": "add", "path": "a", "value": 1}], 0),
    ({}, [{"op": "add", "path": "/~2", "value": 1}], 0),
    ({}, [{"op": "add", "path": 5, "value": 1}], 0),
    ({}, ["add"], 0),
    ({}, [{"op": "add", "path": "/a", "value": 1}] * 201, None),
]


@pytest.mark.parametrize(("document", "patch", "result"), MERGES)
def test_a_merge_patch_is_merged(document: Any, patch: Any, result: Any) -> None:
    assert merged(document, patch) == result


@pytest.mark.parametrize(("document", "patch", "result"), PATCHES)
def test_a_patch_is_applied(document: Any, patch: Any, result: Any) -> None:
    assert patched(document, patch) == result


@pytest.mark.parametrize(("document", "patch", "index"), REFUSED)
def test_a_patch_that_cannot_be_applied_is_refused(
    document: Any, patch: Any, index: int | None
) -> None:
    before = repr(document)
    with pytest.raises(BadPatch) as told:
        patched(document, patch)
    assert told.value.index == index
    assert repr(document) == before


@pytest.mark.parametrize(
    ("there", "value"),
    [("10", 10), (True, 1), (False, 0), (None, False), ([1], [1, 1]), ({"a": 1}, {"a": 1, "b": 2})],
)
def test_a_test_that_fails_ends_the_patch(there: Any, value: Any) -> None:
    with pytest.raises(NotAsTested):
        patched({"a": there}, [{"op": "test", "path": "/a", "value": value}])


def test_copies_of_copies_are_bounded() -> None:
    doubling = [
        {"op": "copy", "from": "", "path": f"/{name}"} for name in "abcdefghijklmnopqrstuvwxyz"
    ]
    with pytest.raises(BadPatch, match="too large"):
        patched({"start": "x" * 100}, doubling)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(document=_VALUES, other=_VALUES)
def test_replacing_the_whole_gives_the_other(document: Any, other: Any) -> None:
    assert patched(document, [{"op": "replace", "path": "", "value": other}]) == other


@given(document=_VALUES, patch=_VALUES)
def test_merging_twice_is_merging_once(document: Any, patch: Any) -> None:
    once = merged(document, patch)
    assert merged(once, patch) == once


def _deepening() -> list[dict[str, Any]]:
    """Each copy into its own end doubles how deep it is."""
    made: list[dict[str, Any]] = [{"op": "add", "path": "/x", "value": {"a": {"a": {}}}}]
    depth = 2
    for _ in range(12):
        made.append({"op": "copy", "from": "/x", "path": "/x" + "/a" * (depth + 1)})
        depth = 2 * depth + 1
    return made


@pytest.mark.finding("M2")
def test_copies_into_themselves_do_not_become_too_deep_to_be_read() -> None:
    with pytest.raises(BadPatch, match="too deep"):
        patched({}, _deepening())
    with pytest.raises(BadPatch, match="too deep"):
        patched({}, [*_deepening()[:4], {"op": "add", "path": "/x" + "/a" * 500, "value": 1}])


@pytest.mark.finding("M2")
def test_all_operations_together_write_no_more_than_a_document_may_hold() -> None:
    """A copy that overwrites the one before makes nothing larger, and costs as much."""
    again = [{"op": "copy", "from": "/a", "path": "/b"}] * 100
    with pytest.raises(BadPatch, match="too large") as refused:
        patched({"a": ["x" * 100] * 1000}, again)
    assert refused.value.index == 9


def test_a_pointer_is_escaped_twice() -> None:
    """By RFC 6901 3, and as the fragment of a URI (6)."""
    assert pointer(["a/b", "c~d", "e f", "\r\n", 0]) == "#/a~1b/c~0d/e%20f/%0D%0A/0"
