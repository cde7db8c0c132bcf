"""Forms are read as the standard library reads them."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dcrserver.edge.body import form_pairs


@given(st.text(alphabet="ab=&+%20cEfF\xe9;", max_size=40))
@example("a=1&&b=&=c&d&e=f=g&%61=%C3%A9+x&%zz=%")
def test_pairs_are_those_of_the_standard_library(text: str) -> None:
    raw = text.encode()
    try:
        expected = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            form_pairs(raw)
    else:
        assert form_pairs(raw) == expected


def test_too_many_fields_are_refused() -> None:
    assert len(form_pairs(b"&".join([b"a=1"] * 50))) == 50
    with pytest.raises(ValueError, match="too many"):
        form_pairs(b"&".join([b"a=1"] * 51))
