"""RFC 8259, and what a lenient parser would let through (POL-03 to POL-07)."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dcrserver.strict_json import BadJson, JsonObject, dumps, loads, loads_object, stored_exactly
from harness.cases import each
from harness.properties import examples

requirement = pytest.mark.requirement

# The interpreter refuses to print or parse a longer integer.
MOST_DIGITS = 4300


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + closing * depth).encode()


def with_members(count: int) -> bytes:
    return json.dumps({f"m{number}": number for number in range(count)}).encode()


def refusal(raw: bytes, **bounds: int) -> str:
    with pytest.raises(BadJson) as caught:
        loads(raw, **bounds)
    return str(caught.value)


def attempt(raw: bytes) -> tuple[Any, str]:
    """The value, or what is told in its place."""
    try:
        return loads(raw), ""
    except BadJson as error:
        return None, str(error)


@each(
    "raw, value",
    [
        (b"null", None),
        (b"true", True),
        (b"false", False),
        (b"0", 0),
        (b"-0", 0),
        (b"-12", -12),
        (b"1.5e3", 1500.0),
        (b"-1E-2", -0.01),
        (b'""', ""),
        (b'"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\/\b\f\n\r\t'),
        (b"[]", []),
        (b"{}", {}),
        (b' \t\r\n{"a" : [1 , {"b":null}]}\n', {"a": [1, {"b": None}]}),
        ('"\u65e5\u672c"'.encode(), "\u65e5\u672c"),
        (b'"\\u65e5"', "\u65e5"),
        (b'"\\u0000"', "\0"),
    ],
)
def test_json_is_read(raw: bytes, value: Any) -> None:
    read = loads(raw)
    assert read == value
    assert type(read) is type(value)


@each(
    "raw",
    [
        b"",
        b" ",
        b"nul",
        b"True",
        b"'a'",
        b"{a:1}",
        b'{"a":1,}',
        b"[1,]",
        b"[1 2]",
        b'{"a" 1}',
        b'{"a":1} x',
        b"{} {}",
        b"01",
        b"+1",
        b"1.",
        b".5",
        b"0x10",
        b"1_000",
        b'"a',
        b'"\\x41"',
        b'"\\u12"',
        b'"\\U0001F600"',
        b'"a\nb"',
        b'"a\tb"',
        b'"\x00"',
        b"// c\n{}",
        b"/* c */{}",
        b"]",
        b"}{",
        b"\x0b{}",
        b"\xc2\xa0{}",
    ],
)
def test_malformed_text_is_refused_with_its_place(raw: bytes) -> None:
    assert refusal(raw).startswith("the body is not valid JSON (line ")


@requirement("POL-03")
@each(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"b":2,"a":3}',
        b'{"x":{"a":1,"a":2}}',
        b'[[{"a":1,"a":2}]]',
        b'{"a":1,"\\u0061":2}',
        b'{"":1,"":2}',
        '{"\u00e9":1,"\\u00e9":2}'.encode(),
        b'{"\\ud83d\\ude00":1,"\xf0\x9f\x98\x80":2}',
    ],
)
def test_two_members_of_the_same_name_are_refused(raw: bytes) -> None:
    assert refusal(raw) == "an object has two members of the same name"


@requirement("POL-03")
@each(
    "raw",
    [
        b'{"a":{"a":1},"b":{"a":2}}',
        b'[{"a":1},{"a":1}]',
        b'{"a":1,"A":2}',
        # The same letter composed and decomposed: never normalised, hence two names.
        '{"\u00e9":1,"e\u0301":2}'.encode(),
    ],
)
def test_names_repeat_in_other_objects_or_spellings(raw: bytes) -> None:
    assert loads(raw) == json.loads(raw)


@each("name", ["NaN", "Infinity", "-Infinity"])
@each("form", ["%s", "[%s]", '{"a":%s}', '{"a":[{"b":%s}]}'])
def test_words_for_no_number_are_refused(form: str, name: str) -> None:
    assert refusal((form % name).encode()) == f"{name} is not JSON"


@each("raw", [b"1e999", b"-1e999", b"[1E309]", b"1" + b"0" * 400 + b".0"])
def test_numbers_beyond_a_double_are_refused(raw: bytes) -> None:
    assert refusal(raw) == "a number is out of range"


def test_the_largest_double_is_read() -> None:
    assert loads(b"[1.7976931348623157e308, -1.7976931348623157e308, 1e-999]") == [
        1.7976931348623157e308,
        -1.7976931348623157e308,
        0.0,
    ]


def test_integers_are_exact_up_to_the_bound_of_the_interpreter() -> None:
    digits = "9" * MOST_DIGITS
    assert loads(digits.encode()) == int(digits)
    assert loads(f"-{digits[1:]}".encode()) == -int(digits[1:])
    assert refusal(f"{digits}9".encode()) == "a number is out of range"
    assert refusal(f'{{"a":-{digits}9}}'.encode()) == "a number is out of range"


@requirement("POL-07")
@each("raw", [b"\xef\xbb\xbf{}", b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf{}"])
def test_a_byte_order_mark_is_refused(raw: bytes) -> None:
    assert refusal(raw) == "the body starts with a byte order mark"


@requirement("POL-07")
def test_a_byte_order_mark_within_a_text_is_a_character() -> None:
    assert loads(b'"\xef\xbb\xbf"') == "\ufeff"


@requirement("POL-07")
@each(
    "raw",
    [
        b'"\xff"',
        b'"\x80"',
        b'"\xc3"',
        b'"\xc0\xaf"',  # overlong
        b'"\xed\xa0\x80"',  # a surrogate in UTF-8
        b'"\xf4\x90\x80\x80"',  # beyond U+10FFFF
        '{"a":"\u00e9"}'.encode("latin-1"),
        "{}".encode("utf-16"),
    ],
)
def test_octets_that_are_not_utf_8_are_refused(raw: bytes) -> None:
    assert refusal(raw) == "the body is not valid UTF-8"


@requirement("POL-07")
@each(
    "raw",
    [
        b'"\\ud800"',
        b'"\\uDFFF"',
        b'"\\ude00\\ud83d"',  # a pair in the wrong order
        b'"\\ud83d \\ude00"',
        b'"\\ud83d\\ud83d\\ude00"',
        b'{"\\ud800":1}',
        b'{"a":[{"b":"x\\udc00"}]}',
    ],
)
def test_a_lone_surrogate_is_refused(raw: bytes) -> None:
    assert refusal(raw) == "the body holds a lone surrogate"


@requirement("POL-07")
def test_a_surrogate_pair_is_one_character() -> None:
    assert loads(b'{"\\ud83d\\ude00":"\\uD83D\\uDE00"}') == {"\U0001f600": "\U0001f600"}


@requirement("POL-07")
def test_a_backslash_before_a_u_is_no_escape() -> None:
    assert loads(b'"\\\\ud800"') == "\\ud800"


@requirement("POL-05")
@each("bound", [1, 4, 16, 200])
@each("opening, closing", [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_depth_is_bounded(bound: int, opening: str, closing: str) -> None:
    levels = opening.count("[") + opening.count("{")
    fitting, inner = bound // levels, "0" if opening.endswith(":") else ""
    raw = (opening * fitting + inner + closing * fitting).encode()
    assert dumps(loads(raw, max_depth=bound)).encode() == raw
    raw = (opening * (fitting + 1) + inner + closing * (fitting + 1)).encode()
    assert refusal(raw, max_depth=bound) == f"the body is nested deeper than {bound} levels"


@requirement("POL-05")
def test_the_default_depth() -> None:
    assert loads(nested(16)) is not None
    assert "deeper than 16" in refusal(nested(17))


@requirement("POL-05")
def test_depth_is_not_the_number_of_brackets() -> None:
    assert loads(b"[" + b",".join([b"[{}]"] * 500) + b"]", max_depth=3) == [[{}]] * 500


@requirement("POL-05")
@each("text", ["[" * 99, "{" * 99, '"' + "[" * 99, "\\" + "[" * 99, '\\"[{' * 99])
def test_brackets_in_texts_do_not_count(text: str) -> None:
    assert loads(dumps({"a": text, text: 1}).encode(), max_depth=1) == {"a": text, text: 1}


@requirement("POL-05")
@each(
    "raw",
    [
        nested(100_000),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'"' + b"[" * 100_000,
        b"]" * 50_000 + b"[" * 50_000,
    ],
)
def test_a_hostile_depth_never_reaches_the_recursive_parser(raw: bytes) -> None:
    assert refusal(raw)


@requirement("POL-05")
def test_a_text_without_end_costs_linear_time() -> None:
    """An anonymous caller sends this; twice the octets must not cost four times as much."""
    raw = b'{"a":"' + b'\\"' * 8000
    started = time.process_time()
    assert refusal(raw).startswith("the body is not valid JSON")
    assert time.process_time() - started < 0.2


@requirement("POL-05")
def test_members_of_one_object_are_bounded() -> None:
    assert len(loads_object(with_members(3), max_members=3)) == 3
    assert refusal(with_members(4), max_members=3) == "an object has more than 3 members"
    assert "more than 3" in refusal(b"[" + with_members(4) + b"]", max_members=3)
    # Each object is counted by itself.
    assert loads(b'{"a":{"c":1,"d":1},"b":{"c":1,"d":1}}', max_members=2)


@requirement("POL-05")
def test_the_default_number_of_members() -> None:
    assert len(loads_object(with_members(256))) == 256
    assert "more than 256" in refusal(with_members(257))


@requirement("R7591-3.1-01")
@each("raw", [b"[]", b"[{}]", b'"x"', b"null", b"true", b"1", b"1.5"])
def test_a_body_that_is_no_object_is_refused(raw: bytes) -> None:
    loads(raw)
    with pytest.raises(BadJson, match=r"^the body is not a JSON object$"):
        loads_object(raw)


@requirement("R7591-3.1-01", "POL-03", "POL-05")
def test_an_object_is_read_within_the_same_bounds() -> None:
    assert loads_object(b'{"a":[1]}') == {"a": [1]}
    for raw in (b'{"a":1,"a":2}', b'{"a":[]}', b'{"a":1,"b":2}', b"{"):
        with pytest.raises(BadJson):
            loads_object(raw, max_depth=1, max_members=1)


def test_dumps_is_compact_and_keeps_characters() -> None:
    assert dumps({"a": [1, None, "\u65e5"], "b": "\x01"}) == '{"a":[1,null,"\u65e5"],"b":"\\u0001"}'


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@examples(150)
@given(value=JSON, ensure_ascii=st.booleans(), indent=st.sampled_from([None, 2]))
@example(value="\U0001f600\u2028", ensure_ascii=True, indent=None)
def test_what_json_dumps_writes_is_read_back(
    *, value: Any, ensure_ascii: bool, indent: int | None
) -> None:
    raw = json.dumps(value, ensure_ascii=ensure_ascii, indent=indent).encode()
    assert loads(raw, max_depth=200) == value


FRAGMENTS = [
    *'{}[],: \n"\\', '"a"', '"a":', '"\\u0061":', "1", "-", ".5", "e9", "null", "NaN", "\\u",
    "d800", "\\ud83d\\ude00", "\\\\", '\\"', "[[[[", "]]]]", "\u00e9", "\ufeff",
]  # fmt: skip


@examples(300)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join))
def test_never_more_lenient_than_the_standard_parser(text: str) -> None:
    """Nothing but BadJson comes out, in ASCII; what is accepted means what everybody reads."""
    value, told = attempt(text.encode())
    assert told.isascii()
    assert told or value == json.loads(text)


@examples(150)
@given(st.binary(max_size=40))
def test_arbitrary_octets_are_read_or_refused(raw: bytes) -> None:
    value, told = attempt(raw)
    assert told.isascii()
    assert told or value == json.loads(raw.decode())


@examples(150)
@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
@example({"most": 2**64 - 1, "least": -(2**63), "float": 1e22, "zero": -0.0})
@example({"more": 2**64, "less": -(2**63) - 1, "fine": "\u65e5\u2028"})
def test_what_is_stored_is_read_exactly_however_large_its_integers(value: JsonObject) -> None:
    text = dumps(value)
    assert repr(stored_exactly(text)) == repr(json.loads(text))
