"""Members of our own: who may set them, and what becomes of them when the client updates."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrserver.errors import InvalidClientMetadata, RegistrationError
from dcrserver.metadata import (
    FAMILIES,
    PARAMETERS,
    Terms,
    Who,
    beyond,
    explain,
    for_administrators,
    validate,
)
from dcrserver.metadata.plan import plan_for, withheld
from dcrserver.policies.statements.conditions import Circumstances
from dcrserver.policies.switches.security import OwnMember
from dcrserver.services.registration.judgement import SubmissionValidator
from dcrserver.services.registration.policy import ANYBODY
from dcrserver.strict_json import JsonObject, dumps
from harness.cases import each
from harness.properties import examples
from metadata.strategies import JSON, SENSIBLE_SUBMISSIONS, sensible
from metadata.support import MINIMAL, TERMS, issues_of, terms, validate_by

OWN = sorted(row.name for row in FAMILIES["extensions"].rows)
SELF_SERVICE = terms(administrator=False)
OWN_MEMBERS = st.lists(st.sampled_from(OWN), max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: sensible(name) for name in names})
)


def test_all_of_them_are_for_administrators() -> None:
    assert {row.name for row in PARAMETERS.values() if row.set_by is Who.ADMINISTRATOR} == {*OWN}
    assert plan_for(SELF_SERVICE).reserved == {*OWN}
    assert plan_for(TERMS).reserved == frozenset()


@pytest.mark.finding("E1")
@each("name", OWN)
def test_nobody_else_sets_one(name: str) -> None:
    value = PARAMETERS[name].example
    for sent in (name, name.upper(), name.title(), f"{name}#fr", f" {name}"):
        submission = MINIMAL | {sent: value}
        assert validate_by(submission, SELF_SERVICE) == validate_by(MINIMAL, SELF_SERVICE)
    assert validate_by(MINIMAL | {name: value}, for_administrators(SELF_SERVICE))[name] == value


@pytest.mark.finding("E1")
@examples(300)
@given(value=JSON, name=st.sampled_from(OWN))
def test_what_others_send_for_one_is_not_even_judged(value: object, name: str) -> None:
    assert issues_of(MINIMAL | {name: value}, SELF_SERVICE) == []  # type: ignore[dict-item]


@pytest.mark.finding("E1")
@each("name", OWN)
def test_no_alias_is_a_way_around(name: str) -> None:
    judged_by = terms(administrator=False, registration={"member_aliases": {"mine": name}})
    sent = MINIMAL | {"mine": PARAMETERS[name].example}
    assert validate_by(sent, judged_by) == validate_by(MINIMAL, judged_by)
    assert name in validate_by(sent, for_administrators(judged_by))


@each("name", get_args(OwnMember))
def test_the_policy_opens_one_at_a_time(name: str) -> None:
    opened = terms(administrator=False, extensions={"self_service": [name]})
    sent: JsonObject = {each: PARAMETERS[each].example for each in OWN}
    made = validate_by(MINIMAL | sent, opened)
    assert made.keys() & {*OWN} == {name}
    assert beyond(sent, opened).keys() == {*OWN} - {name}


def test_who_does_not_ignore_members_of_the_server_refuses_these_too() -> None:
    strict = terms(administrator=False, registration={"client_supplied_credentials": "reject"})
    body = dumps(MINIMAL | {"skip_consent": True, "client_id": "mine"}).encode()
    with pytest.raises(InvalidClientMetadata) as caught:
        SubmissionValidator().validate(ANYBODY, body, strict)
    assert caught.value.description == (
        "client_id must not be sent: set by this server;"
        " skip_consent must not be sent: set by administrators"
    )
    assert {*OWN} < withheld(strict)
    assert not withheld(for_administrators(strict)) & {*OWN}


def test_the_preview_says_whose_they_are() -> None:
    ignored = explain(MINIMAL | {"skip_consent": True}, SELF_SERVICE, here=Circumstances())[
        "ignored"
    ]
    reason = "only an administrator sets it (policy.extensions.self_service)"
    assert ignored == [{"member": "skip_consent", "reason": reason}]
    assert explain(MINIMAL | {"skip_consent": True}, TERMS, here=Circumstances())["ignored"] == []


@pytest.mark.finding("E2")
@examples(200)
@given(set_by_administrator=OWN_MEMBERS, sent=OWN_MEMBERS, submission=SENSIBLE_SUBMISSIONS)
def test_an_update_by_the_client_leaves_them_as_they_are(
    set_by_administrator: JsonObject, sent: JsonObject, submission: JsonObject
) -> None:
    try:
        before = validate(MINIMAL | set_by_administrator, TERMS)
        submission = {name: value for name, value in submission.items() if name not in OWN}
        plain = (
            SubmissionValidator()
            .validate_update(ANYBODY, submission | sent, SELF_SERVICE, before)
            .metadata.members
        )
    except RegistrationError:
        return
    assert {name: plain[name] for name in OWN if name in plain} == set_by_administrator


@pytest.mark.finding("E2")
def test_an_administrator_s_word_counts_where_the_client_says_otherwise() -> None:
    before = validate(MINIMAL | {"public_client": True}, TERMS)
    assert before.auth_method == "none"
    validator = SubmissionValidator()
    assert (
        validator.validate_update(ANYBODY, MINIMAL, SELF_SERVICE, before).metadata.auth_method
        == "none"
    )
    other = MINIMAL | {"token_endpoint_auth_method": "client_secret_basic"}
    with pytest.raises(InvalidClientMetadata, match="public_client must not be true beside"):
        validator.validate_update(ANYBODY, other, SELF_SERVICE, before)
    assert (
        validator.validate_update(ANYBODY, other, TERMS, before).metadata.auth_method
        == "client_secret_basic"
    )


@examples(200)
@given(own=OWN_MEMBERS, submission=SENSIBLE_SUBMISSIONS, stored=OWN_MEMBERS)
def test_an_administrator_s_update_is_judged_as_a_registration(
    own: JsonObject, submission: JsonObject, stored: JsonObject
) -> None:
    """Whatever was there before: what is not sent is gone (RFC 7592 2.2)."""
    body = submission | own

    def attempt(update: bool) -> tuple[str, object]:  # noqa: FBT001 - one of two ways
        validator = SubmissionValidator()
        try:
            if not update:
                return "good", validator.validate(ANYBODY, dumps(body).encode(), TERMS).text
            before = validate(MINIMAL | stored, terms(fapi={"sender_constraint": False}))
            return "good", validator.validate_update(ANYBODY, body, TERMS, before).text
        except RegistrationError as error:
            return "refused", error.description

    try:
        validate(MINIMAL | stored, TERMS)
    except RegistrationError:
        return
    assert attempt(update=True) == attempt(update=False)


def test_what_is_remembered_is_remembered_for_one_kind_of_caller() -> None:
    validator, plain = SubmissionValidator(), Terms()
    body = dumps(MINIMAL | {"skip_consent": True}).encode()
    asked = [plain, for_administrators(plain), plain, for_administrators(plain)]
    made = [
        validator.validate(ANYBODY, body, each).metadata.members.get("skip_consent")
        for each in asked
    ]
    assert made == [None, True, None, True]
    assert for_administrators(plain) is for_administrators(plain)


@each("lifetime", [0, -1, True, "600", 86_401, 1.5])
def test_access_tokens_live_a_day_at_most(lifetime: object) -> None:
    name = "client_credentials_access_token_lifetime"
    (issue,) = issues_of(MINIMAL | {name: lifetime})  # type: ignore[dict-item]
    assert issue.text == f"{name} must be a number of seconds from 1 to 86400"
