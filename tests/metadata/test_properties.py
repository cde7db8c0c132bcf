"""What holds for every submission."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrserver.errors import RegistrationError
from dcrserver.metadata import (
    PARAMETERS,
    RULES,
    Terms,
    examine,
    recognized,
    validate,
)
from dcrserver.metadata.spelling import hints
from dcrserver.strict_json import JsonObject, JsonValue, dumps, loads_object
from harness.properties import examples
from metadata.strategies import (
    ANY_SUBMISSIONS,
    JSON,
    SENSIBLE_SUBMISSIONS,
    TERMS_OF,
)
from metadata.support import MINIMAL, base_of, issues_of

requirement = pytest.mark.requirement


def attempt(submission: JsonObject, judged_by: Terms) -> RegistrationError | JsonObject:
    try:
        return dict(validate(submission, judged_by).members)
    except RegistrationError as error:
        return error


@requirement("R7591-3.2.2-03", "R7591-3.2.2-04", "R7591-2-16")
@examples(300)
@given(submission=ANY_SUBMISSIONS, judged_by=TERMS_OF)
def test_a_submission_is_registered_or_refused(submission: JsonObject, judged_by: Terms) -> None:
    """With the error of the first issue; nothing else is ever raised."""
    _, issues = examine(submission, judged_by)
    made = attempt(submission, judged_by)
    if isinstance(made, RegistrationError):
        assert type(made) is issues[0].error
        told = [*(issue.text for issue in issues), *hints(submission)]
        assert made.description == "; ".join(told)
        assert made.description.isascii()
        assert not {'"', "\\"} & set(made.description)
    else:
        assert issues == []
        assert {base_of(name) for name in made} <= PARAMETERS.keys()
        assert loads_object(dumps(made).encode()) == made


@requirement("R7591-3.2.1-06", "R7592-2.2-02", "OIDR-3.2-01", "OIDR-6-01")
@examples(400)
@given(submission=SENSIBLE_SUBMISSIONS, judged_by=TERMS_OF)
def test_what_is_registered_can_be_registered_again(
    submission: JsonObject, judged_by: Terms
) -> None:
    """A client that updates itself with what it was told changes nothing."""
    made, issues = examine(submission, judged_by)
    if not issues:
        assert made.members["redirect_uris"] == submission["redirect_uris"]
        again = validate(made.members, judged_by).members
        assert dict(again) == made.members


def test_the_submissions_of_that_property_are_accepted_often_enough() -> None:
    """It would prove nothing if most were refused."""
    counted = {True: 0, False: 0}

    @examples(200, database=None)
    @given(submission=SENSIBLE_SUBMISSIONS)
    def count(submission: JsonObject) -> None:
        counted[not issues_of(submission)] += 1

    count()
    assert counted[True] > counted[False] / 4


@requirement("R7591-2-16", "R7592-2.2-08", "POL-06")
@examples(150)
@given(
    submission=SENSIBLE_SUBMISSIONS,
    judged_by=TERMS_OF,
    unknown=st.dictionaries(st.text(max_size=6).map("x_{}".format), JSON, max_size=3),
    nulls=st.sets(st.sampled_from(sorted(PARAMETERS)), max_size=3),
)
def test_unknown_members_and_nulls_change_nothing(
    submission: JsonObject, judged_by: Terms, unknown: JsonObject, nulls: set[str]
) -> None:
    more: JsonObject = dict.fromkeys(nulls - submission.keys()) | unknown
    assert examine(submission | more, judged_by) == examine(submission, judged_by)


@examples(150)
@given(data=st.data(), submission=ANY_SUBMISSIONS, judged_by=TERMS_OF)
def test_the_order_of_members_changes_nothing(
    data: st.DataObject, submission: JsonObject, judged_by: Terms
) -> None:
    """JSON objects have none."""
    names = data.draw(st.permutations(sorted(submission)))
    reordered = {name: submission[name] for name in names}
    assert examine(reordered, judged_by) == examine(submission, judged_by)


USED = frozenset().union(*(rule.uses for rule in RULES))
# No member of the catalogue takes any of these.
BAD: st.SearchStrategy[JsonValue] = st.sampled_from([1.5, {"x": 1}, [["x"]], [None], -0.5])


@examples(400)
@given(
    submission=ANY_SUBMISSIONS,
    judged_by=TERMS_OF,
    name=st.sampled_from(sorted(PARAMETERS)),
    value=BAD,
)
def test_one_bad_member_never_changes_what_is_told_about_another(
    submission: JsonObject, judged_by: Terms, name: str, value: JsonValue
) -> None:
    """It adds its own issue and silences the rules that would have to read it, nothing else."""
    understood = recognized({name: value}, judged_by)
    base = {member: sent for member, sent in submission.items() if base_of(member) != name}
    draft, before = examine(base, judged_by)
    _, after = examine(base | {name: value}, judged_by)
    if not understood:  # of an optional family
        assert after == before
        return
    (own,) = (issue for issue in after if issue.member == name)
    assert own.specification == PARAMETERS[name].specification
    silenced = [
        issue for rule in RULES if name in rule.uses for issue in rule.issues(draft, judged_by)
    ]
    # What was missing, or chosen for the client, is no longer when it was sent and is bad.
    choosing = {row.name for row in PARAMETERS.values() if row.chooses == name}
    silenced += [
        issue
        for issue in before
        if (issue.requirement == "required" and issue.member == name)
        or (issue.reason.startswith("holds nothing") and issue.member in choosing)
    ]
    expected = list(before)
    for issue in silenced:
        expected.remove(issue)
    assert [issue for issue in after if issue is not own] == expected
    if name not in USED and not choosing:
        assert expected == [issue for issue in before if issue.member != name]


@requirement("OIDR-3.2-01", "OIDR-6-01", "R7591-2-01")
@examples(300)
@given(
    values=st.lists(
        st.builds(
            "{}{}{}{}".format,
            st.sampled_from(["https://a.example", "HTTPS://A.Example:443", "http://127.0.0.1:9"]),
            st.sampled_from(["", "/", "//", "/cb/"]),
            st.text("aA%~-_.!$&'()+,;=:@/", max_size=8).map(lambda text: text.replace("%", "%c3")),
            st.sampled_from(["", "?", "?x=1&y", "?a+b/?"]),
        ),
        min_size=1,
        max_size=4,
    ),
    judged_by=TERMS_OF,
)
def test_redirect_uris_are_echoed_byte_for_byte(values: list[str], judged_by: Terms) -> None:
    draft, issues = examine({"redirect_uris": [*values]}, judged_by)
    if not any(issue.member == "redirect_uris" for issue in issues):
        assert draft.members["redirect_uris"] == list(dict.fromkeys(values))


def test_a_bad_value_is_bad_for_every_member() -> None:
    """Else the property about one bad member would be about none."""
    for name in PARAMETERS:
        for value in (1.5, {"x": 1}, [["x"]], [None], -0.5):
            assert [issue.member for issue in issues_of(MINIMAL | {name: value})] == [name]
