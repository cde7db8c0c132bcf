"""Laws of policies, under policies and submissions that nobody thought of."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from dcrserver.errors import RegistrationError
from dcrserver.metadata import Terms, validate
from dcrserver.metadata.statements import Ruling, ruling
from dcrserver.policies import Policy
from dcrserver.policies.statements.conditions import Circumstances
from dcrserver.policies.statements.evaluation import decide
from dcrserver.policies.statements.grammar import Statement
from dcrserver.strict_json import JsonObject, JsonValue
from harness.properties import examples
from metadata.strategies import SENSIBLE_SUBMISSIONS, sensible
from metadata.support import terms
from policies.statement_support import REJECT

NAMES = (
    "application_type", "client_name", "client_uri", "contacts", "default_max_age", "grant_types",
    "logo_uri", "redirect_uris", "require_auth_time", "response_types", "scope", "software_id",
    "token_endpoint_auth_method", "subject_type", "skip_consent",
)  # fmt: skip
HOSTS = st.sampled_from(["a.example", "*.example", "b.example", "localhost", "other.example"])
ORIGINS = st.sampled_from(["open", "administrator", "initial_access_token", "import"])


def _elements(name: str) -> st.SearchStrategy[Any]:
    def flat(value: Any) -> Any:
        return value[0] if isinstance(value, list) and value else value

    return sensible(name).map(flat).filter(lambda each: isinstance(each, str | bool | int))


def _condition(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(values, min_size=1, max_size=3)
    return (
        values | some | st.fixed_dictionaries({"not": some}) | st.fixed_dictionaries({"in": some})
    )


def _members(value_of: Any, names: tuple[str, ...] = NAMES) -> st.SearchStrategy[Any]:
    return st.sampled_from(names).flatmap(
        lambda name: value_of(name).map(lambda value: {name: value})
    )


CONDITIONS = st.one_of(
    _members(lambda name: _condition(_elements(name))),
    st.sampled_from(["redirect_uris", "logo_uri", "client_uri"]).flatmap(
        lambda name: _condition(HOSTS).map(lambda value: {f"{name}.host": value})
    ),
    _condition(ORIGINS).map(lambda value: {"origin": value}),
    _condition(st.sampled_from(["anonymous", "administrator"])).map(lambda value: {"actor": value}),
)
STRICT = st.one_of(
    _members(sensible).map(lambda values: {"force": values, "correct": False}),
    st.sampled_from(NAMES).map(lambda name: {"remove": [name], "correct": False}),
    st.just({"require_consent": True, "correct": False}),
)
CORRECTED = st.builds(
    lambda restrict, correct: {"restrict": restrict, "correct": correct},
    _members(lambda name: st.lists(_elements(name), min_size=1, max_size=3)),
    st.booleans(),
)
EFFECTS = st.one_of(
    st.just(REJECT),
    _members(sensible).map(lambda values: {"default": values}),
    _members(sensible).map(lambda values: {"force": values}),
    CORRECTED,
    STRICT,
    st.sampled_from([{"require_pkce": True}, {"first_party": True}]),
    st.fixed_dictionaries(
        {
            "expire": st.fixed_dictionaries(
                {"secret": st.integers(1, 9), "id_token": st.integers(1, 9)}
            )
        }
    ),
    st.sampled_from(NAMES).map(lambda name: {"remove": [name]}),
    st.sampled_from(NAMES).map(lambda name: {"require": [name]}),
    st.just({"hold": True}),
    st.just({"tag": ["seen"]}),
)
STATEMENTS = st.lists(
    st.tuples(st.lists(CONDITIONS, max_size=2), EFFECTS), min_size=1, max_size=4
).map(
    lambda made: [
        {
            "name": f"s{number}",
            "when": {k: v for each in when for k, v in each.items()},
            "then": then,
        }
        for number, (when, then) in enumerate(made)
    ]
)
REJECTIONS = st.tuples(CONDITIONS, st.integers(0, 4)).map(
    lambda made: ({"name": "added", "when": made[0], "then": REJECT}, made[1])
)


def made_by(statements: list[Any]) -> Terms:
    # What counts as left out is refused when a policy is written.
    forced = [each["then"].get("force", {}) for each in statements]
    if any(value in ("", []) for each in forced for value in each.values()):
        assume(False)  # noqa: FBT003
    # What the server does not support is left out of a registration, whoever wants it there.
    if any("x" in str(each.get("scope", "")).split() for each in forced):
        assume(False)  # noqa: FBT003
    try:
        return terms(statements=statements, administrator=False)
    except ValueError:
        assume(False)  # noqa: FBT003 - a condition that can never hold
        raise


def test_what_is_removed_is_by_default_for_the_next_statement() -> None:
    sent = {"redirect_uris": ["https://a.example/cb"], "application_type": "web"}
    made = judged(REMOVED_AND_ASKED, sent)
    assert made.verdict == "accept", "what is stored is what nobody objects to"


def judged(statements: list[Any], sent: JsonObject, here: Circumstances | None = None) -> Ruling:
    by = made_by(statements)
    try:
        metadata = validate(sent, by)
    except RegistrationError:
        assume(False)  # noqa: FBT003 - refused by the specifications already
        raise
    return ruling(sent, metadata, by, here or Circumstances())


def outcome(made: Ruling) -> Any:
    error = made.error and (made.error.code, made.error.description)
    return made.verdict, made.statements, made.metadata and made.metadata.members, made.tags, error


@examples(300)
@given(statements=STATEMENTS, sent=SENSIBLE_SUBMISSIONS, added=REJECTIONS)
def test_another_refusal_never_lets_more_through(
    statements: list[Any], sent: JsonObject, added: tuple[Any, int]
) -> None:
    before = judged(statements, sent)
    refusal, place = added
    after = judged([*statements[:place], refusal, *statements[place:]], sent)
    if before.verdict == "reject":
        assert after.verdict == "reject"
    elif after.verdict != "reject":
        assert outcome(after) == outcome(before)


REMOVED_AND_ASKED: list[Any] = [
    {"name": "s0", "when": {}, "then": {"remove": ["application_type"]}},
    {"name": "s1", "when": {"application_type": {"not": ["web"]}}, "then": REJECT},
]


# Of which the server does not serve all.
FORCED_IN_PART: list[Any] = [
    {"name": "s0", "when": {}, "then": {"force": {"scope": "openid x"}, "correct": False}},
]
FORCED_TWICE: list[Any] = [
    {"name": "s0", "when": {}, "then": {"force": {"scope": "openid openid"}, "correct": False}},
    {"name": "s1", "when": {}, "then": {"force": {
        "grant_types": ["authorization_code", "authorization_code"]}, "correct": False}},
    {"name": "s2", "when": {}, "then": {"require_consent": True, "correct": False}},
]  # fmt: skip


@examples(300)
@example(FORCED_TWICE, {"redirect_uris": ["https://a.example/cb"]})
@example(FORCED_IN_PART, {"redirect_uris": ["https://a.example/cb"]})
@example(REMOVED_AND_ASKED, {"redirect_uris": ["https://a.example/cb"], "application_type": "web"})
@given(statements=STATEMENTS, sent=SENSIBLE_SUBMISSIONS)
def test_what_was_corrected_needs_no_correction(statements: list[Any], sent: JsonObject) -> None:
    first = judged(statements, sent)
    assume(first.metadata is not None)
    assert first.metadata is not None
    by = made_by(statements)
    open_members = {
        name: value for name, value in first.metadata.members.items() if name != "skip_consent"
    }
    kept = {name: value for name, value in first.metadata.members.items() if name == "skip_consent"}
    again = ruling(
        open_members, validate(open_members, by, kept), by, Circumstances(), kept
    )  # fmt: skip
    assert again.verdict == first.verdict
    assert again.metadata is not None
    assert again.metadata.members == first.metadata.members


@examples(300)
@given(statements=STATEMENTS, sent=SENSIBLE_SUBMISSIONS)
def test_what_is_stored_is_judged_the_same_by_whoever_asks_again(
    statements: list[Any], sent: JsonObject
) -> None:
    """No statement that refuses holds of what was let through."""
    made = judged(statements, sent)
    assume(made.metadata is not None)
    assert made.metadata is not None
    refusing = [
        each
        for each in made_by(statements).policy.statements
        if each.then.kind in {"reject", "require"} or not each.then.corrects
    ]
    by, members = made_by(statements), made.metadata.members

    def made_of(asked: Mapping[str, JsonValue]) -> Mapping[str, JsonValue] | None:
        with suppress(RegistrationError):
            return validate(asked, by).members
        return None

    again = decide(refusing, Circumstances(), members, members, made_of)
    assert not again.refusals


@examples(300)
@given(statements=STATEMENTS, sent=SENSIBLE_SUBMISSIONS, seed=st.integers(0, 999))
def test_the_order_of_members_means_nothing(
    statements: list[Any], sent: JsonObject, seed: int
) -> None:
    names = [*sent]
    random.Random(seed).shuffle(names)  # noqa: S311 - an order
    assert outcome(judged(statements, {name: sent[name] for name in names})) == outcome(
        judged(statements, sent)
    )


@examples(300)
@given(statements=STATEMENTS, sent=SENSIBLE_SUBMISSIONS)
def test_a_client_that_changes_itself_is_judged_as_it_was_when_it_came(
    statements: list[Any], sent: JsonObject
) -> None:
    born, changed = (
        Circumstances(),
        Circumstances(
            origins=frozenset({"open", "update"}), actors=frozenset({"client", "anonymous"})
        ),
    )
    assert outcome(judged(statements, sent, changed)) == outcome(judged(statements, sent, born))


def test_fifty_statements_take_no_time() -> None:
    """30 us on a quiet machine, whose processor a busy one has to share."""
    written = [
        {"name": f"host-{n}", "when": {"redirect_uris.host": [f"*.evil{n}.example"],
                                       "origin": "open"}, "then": REJECT}
        if n % 2 else
        {"name": f"name-{n}", "when": {"client_name": [f"Name {n}", "x"]}, "then": REJECT}
        for n in range(50)
    ]  # fmt: skip
    policy = Policy.model_validate({"statements": written})
    members = dict(validate({"redirect_uris": ["https://client.example.org/cb"],
                             "client_name": "Acme"}, Terms(policy)).members)  # fmt: skip
    here = Circumstances()
    seconds = min(_seconds(policy.statements, here, members) for _ in range(5))
    assert seconds < 0.0005, f"{seconds * 1e6:.1f} us"


def _seconds(statements: tuple[Statement, ...], here: Circumstances, members: JsonObject) -> float:
    started = time.process_time()
    for _ in range(100):
        decide(statements, here, members, members)
    return (time.process_time() - started) / 100
