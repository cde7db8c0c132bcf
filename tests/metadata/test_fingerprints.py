"""When two registrations are the same one, and what never makes them so."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, reject
from hypothesis import strategies as st

from dcrserver.errors import RegistrationError
from dcrserver.metadata import PARAMETERS, Terms, validate
from dcrserver.metadata.fingerprints import SETS, fingerprint
from dcrserver.strict_json import JsonObject
from harness.cases import each
from harness.properties import examples
from metadata.strategies import SENSIBLE_SUBMISSIONS, TERMS_OF
from metadata.support import MINIMAL, TERMS, validate_by

# Lists that are compared as they were sent: an order of preference, or one that may be.
_ORDERED = {
    "audience",
    "client_registration_types",
    "default_acr_values",
    "encrypted_response_enc_values_supported",
    "subject_syntax_types_supported",
}


def test_of_each_list_it_is_known_whether_its_order_says_something() -> None:
    lists = {
        row.name
        for row in PARAMETERS.values()
        if row.kind.schema["type"] == "array" and not row.chooses
    }
    assert lists == SETS | _ORDERED


@examples(300)
@given(data=st.data(), submission=SENSIBLE_SUBMISSIONS, judged_by=TERMS_OF)
def test_the_same_in_another_order_is_the_same(
    data: st.DataObject, submission: JsonObject, judged_by: Terms
) -> None:
    """Also sent with every default, with tags in capitals, and from another port."""
    try:
        made = dict(validate(submission, judged_by).members)
    except RegistrationError:
        reject()
    again: JsonObject = {}
    for name in data.draw(st.permutations(list(made))):
        base, sign, tag = name.partition("#")
        again[f"{base}{sign}{tag.upper()}"] = data.draw(_rewritten(base, made[name]))
    assert fingerprint(again) == fingerprint(made)


def _rewritten(name: str, value: Any) -> st.SearchStrategy[Any]:
    if name == "scope":
        return st.permutations(value.split(" ")).map(" ".join)
    if name not in SETS:
        return st.just(value)
    orders = st.permutations(value)
    if name != "redirect_uris":
        return orders
    return st.builds(_moved, orders, st.integers(1, 65535))


def _moved(values: list[str], port: int) -> list[str]:
    old = "http://127.0.0.1:8080"
    return [each.replace(old, f"http://127.0.0.1:{port}") for each in values]


# Both have to be acceptable, by the same terms.
@examples(300, suppress_health_check=[HealthCheck.filter_too_much])
@given(one=SENSIBLE_SUBMISSIONS, other=SENSIBLE_SUBMISSIONS, judged_by=TERMS_OF)
def test_what_means_something_else_is_another(
    one: JsonObject, other: JsonObject, judged_by: Terms
) -> None:
    """Whatever member of another registration is put in the place of one's own."""
    try:
        made, strange = (
            {name.lower(): value for name, value in validate(sent, judged_by).members.items()}
            for sent in (one, other)
        )
    except RegistrationError:
        reject()
    for name in {**made, **strange}:
        mixed = {key: value for key, value in made.items() if key != name}
        if name in strange:
            mixed[name] = strange[name]
        is_same = _means(name, made.get(name)) == _means(name, mixed.get(name))
        assert (fingerprint(mixed) == fingerprint(made)) is is_same, name


def _means(name: str, value: Any) -> Any:
    """As the specifications compare it, told otherwise than the function does."""
    if value is not None and name == "scope":
        return frozenset(value.split())
    if isinstance(value, list) and name.partition("#")[0] in SETS:
        return frozenset(each.replace("127.0.0.1:8080/", "127.0.0.1/") for each in value)
    return repr(value)


@each(
    "one, other",
    [
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:8080/cb"),
        ("http://localhost:1?x", "http://localhost:2?x"),
        ("http://[::1]:1", "http://[::1]:2"),
    ],
)
def test_the_port_on_the_local_machine_is_put_aside(one: str, other: str) -> None:
    assert _of(one) == _of(other)


@each(
    "one, other",
    [
        ("http://127.0.0.1:1/cb", "http://127.0.0.1:1/CB"),
        ("http://127.0.0.1:1/cb", "http://localhost:1/cb"),
        ("http://127.0.0.1:1/cb", "http://[::1]:1/cb"),
        ("http://127.0.0.1:1/cb?port=:2", "http://127.0.0.1:1/cb?port=:3"),
        ("http://127.0.0.1:1/http://localhost:1/", "http://127.0.0.1:1/http://localhost:2/"),
        ("http://localhost:1@evil.example/", "http://localhost:2@evil.example/"),
        ("http://localhost.evil.example:1/", "http://localhost.evil.example:2/"),
        ("https://client.example:1/", "https://client.example:2/"),
        ("https://localhost:1/", "https://localhost:2/"),
        ("com.example.app://localhost:1/", "com.example.app://localhost:2/"),
    ],
)
def test_nothing_else_of_a_redirection_uri_is_put_aside(one: str, other: str) -> None:
    """Were it, then who registers second would be given the codes of the first, or the other way
    round.
    """
    assert _of(one) != _of(other)


def _of(uri: str) -> str:
    return fingerprint({"redirect_uris": [uri]})


def test_defaults_are_filled_in_first() -> None:
    told = {**MINIMAL, "grant_types": ["authorization_code"], "response_types": ["code"]}
    assert fingerprint(validate_by(MINIMAL, TERMS)) == fingerprint(validate_by(told, TERMS))


def test_what_stands_beside_the_members_counts() -> None:
    """And none of it can be read as the end of another, or as a member."""
    made = [
        fingerprint(MINIMAL),
        fingerprint(MINIMAL, ""),
        fingerprint(MINIMAL, "", ""),
        fingerprint(MINIMAL, "a", "b"),
        fingerprint(MINIMAL, "ab"),
        fingerprint(MINIMAL, 'a","b'),
        fingerprint({**MINIMAL, "a": "b"}),
    ]
    assert len(set(made)) == len(made)


def test_numbers_that_are_too_large_for_a_float_are_told_apart() -> None:
    one, other = ({**MINIMAL, "default_max_age": 2**60 + each} for each in (0, 1))
    assert fingerprint(one) != fingerprint(other)
