"""What an initial access token lets its holder register, by registration and by update."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dcrserver.metadata.bounds import UNBOUNDED, Bounds, narrowed
from harness.cases import each
from harness.properties import examples
from metadata.support import TERMS, terms, texts_of, validate_by

MACHINE = {"grant_types": ["client_credentials"], "response_types": []}
names = st.lists(st.text(min_size=1, max_size=5), max_size=4, unique=True).map(tuple)


@examples(300)
@given(st.builds(Bounds, st.none() | st.text(), st.none() | names, st.none() | names))
def test_they_are_read_as_they_were_written(bounds: Bounds) -> None:
    assert Bounds.from_json(bounds.to_json()) == bounds


def test_no_bounds_are_nothing() -> None:
    assert UNBOUNDED.to_json() is None
    assert Bounds.from_json(None) == UNBOUNDED
    assert narrowed(TERMS, UNBOUNDED) is TERMS
    assert narrowed(TERMS, Bounds(policy="named")) is TERMS


def test_the_same_bounds_make_the_same_terms() -> None:
    """As the plan of a registration is kept by identity."""
    first = narrowed(TERMS, Bounds(scopes=("openid",)))
    assert narrowed(TERMS, Bounds(scopes=("openid",))) is first


def test_scopes_are_cut() -> None:
    bound = narrowed(
        terms(supported={"scopes_supported": ("a", "b", "c")}), Bounds(scopes=("b", "z"))
    )
    assert validate_by(MACHINE | {"scope": "a b"}, bound)["scope"] == "b"
    assert "scope" not in validate_by(MACHINE, bound) or validate_by(MACHINE, bound)["scope"] == "b"
    nothing = narrowed(terms(supported={"scopes_supported": ("a",)}), Bounds(scopes=()))
    assert "scope" not in validate_by(MACHINE, nothing)


def test_grants_that_are_not_allowed_cannot_be_had() -> None:
    bound = narrowed(TERMS, Bounds(grant_types=("authorization_code",)))
    assert any("grant_types" in text for text in texts_of(MACHINE, bound))


@each("allowed", [(), ("made-up",)])
def test_what_the_server_lacks_is_not_gained(allowed: tuple[str, ...]) -> None:
    bound = narrowed(TERMS, Bounds(grant_types=allowed))
    assert any("grant_types" in text for text in texts_of(MACHINE, bound))
