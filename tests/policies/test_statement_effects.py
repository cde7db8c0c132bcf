"""What ``then`` does, and what it may say."""

from __future__ import annotations

from typing import Any

import pytest

from dcrserver.policies import Policy
from dcrserver.settings.stored import BadDocument
from harness.cases import each
from metadata.support import CALLBACK, terms
from policies.statement_support import (
    REJECT,
    judged_by,
    members,
    policy_of,
    ruled,
    statement,
)


def test_a_refusal_has_the_code_and_the_text_of_its_statement() -> None:
    then = {"reject": {"error": "invalid_redirect_uri", "description": "not here"}}
    found = ruled(judged_by(statement(then, "a"), statement(REJECT, "b", client_name="x")))
    assert (found.verdict, found.statements) == ("reject", ("a",))
    assert found.error is not None
    assert (found.error.code, found.error.description) == ("invalid_redirect_uri", "not here")


def test_all_that_refuse_are_told_and_the_first_decides_the_code() -> None:
    first = {"reject": {"error": "unapproved_software_statement", "description": "one"}}
    found = ruled(judged_by(statement(first, "a"), statement(REJECT, "b", application_type="web")))
    assert found.statements == ("a", "b")
    assert found.error is not None
    assert (found.error.code, found.error.description) == (
        "unapproved_software_statement", "one; no",
    )  # fmt: skip


def test_a_default_is_for_what_was_not_sent() -> None:
    judged = judged_by(statement({"default": {"client_name": "Unnamed", "scope": "openid"}}))
    made = ruled(judged, scope="email")
    assert members(made)["client_name"] == "Unnamed"
    assert members(made)["scope"] == "email"
    assert made.statements == ("one",)
    assert ruled(judged, scope="email", client_name="x").statements == ()
    # Left out by another word (RFC 7592 2.2).
    assert members(ruled(judged, client_name=None))["client_name"] == "Unnamed"


def test_a_default_wins_over_that_of_the_specification() -> None:
    judged = judged_by(statement({"default": {"token_endpoint_auth_method": "none"}}))
    assert members(ruled(judged))["token_endpoint_auth_method"] == "none"
    sent = {"token_endpoint_auth_method": "client_secret_post"}
    assert members(ruled(judged, **sent))["token_endpoint_auth_method"] == "client_secret_post"


def test_what_is_forced_is_there_whatever_was_sent() -> None:
    judged = judged_by(statement({"force": {"application_type": "web", "client_name": "X"}}))
    made = ruled(judged, client_name="Y")
    assert members(made)["client_name"] == "X"
    assert [(each.member, each.before, each.after) for each in made.changes] == [
        ("client_name", "Y", "X")
    ]
    assert ruled(judged, client_name="X").statements == ()


def test_a_statement_may_set_what_is_an_administrators() -> None:
    judged = judged_by(
        statement(
            {"force": {"skip_consent": False, "client_credentials_access_token_lifetime": 60}}
        )
    )
    made = members(ruled(judged, skip_consent=True, access_token_format="jwt"))
    assert made["skip_consent"] is False
    assert made["client_credentials_access_token_lifetime"] == 60
    assert "access_token_format" not in made


def test_what_is_removed_counts_as_not_sent() -> None:
    judged = judged_by(
        statement({"remove": ["logo_uri", "client_name#fr", "token_endpoint_auth_method"]})
    )
    sent = {"logo_uri": "https://a.example/", "client_name": "a", "client_name#fr": "b"}
    made = members(ruled(judged, token_endpoint_auth_method="none", **sent))
    assert made["client_name"] == "a"
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert not {"logo_uri", "client_name#fr"} & made.keys()


def test_what_is_required_must_come_of_it() -> None:
    judged = judged_by(statement({"require": ["contacts", "redirect_uris"]}))
    found = ruled(judged)
    assert found.error is not None
    assert found.error.description == "contacts is required here"
    assert ruled(judged, contacts=["a@b.example"]).verdict == "accept"
    assert ruled(judged, contacts=[]).verdict == "reject"
    with_default = judged_by(
        statement({"default": {"contacts": ["a@b.example"]}}, "a"),
        statement({"require": ["contacts"]}, "b"),
    )
    assert ruled(with_default).verdict == "accept"


@each(
    "restrict, sent, corrected",
    [
        ({"scope": ["openid", "email"]}, {"scope": "openid email"}, None),
        ({"scope": ["openid", "email"]}, {"scope": "openid profile"}, {"scope": "openid"}),
        ({"grant_types": ["authorization_code"]},
         {"grant_types": ["authorization_code", "refresh_token"]},
         {"grant_types": ["authorization_code"]}),
        ({"token_endpoint_auth_method": ["none", "private_key_jwt"]},
         {"token_endpoint_auth_method": "client_secret_post"},
         {"token_endpoint_auth_method": "none"}),
        ({"redirect_uris.host": ["*.example.org"]},
         {"redirect_uris": ["https://evil.example/", CALLBACK]}, {"redirect_uris": [CALLBACK]}),
        ({"id_token_signed_response_alg": ["ES256"]}, {},
         {"id_token_signed_response_alg": "ES256"}),
        ({"contacts": ["a@b.example"]}, {}, None),
    ],
)  # fmt: skip
def test_a_restriction_refuses_or_corrects(
    restrict: Any, sent: dict[str, Any], corrected: dict[str, Any] | None
) -> None:
    refused = ruled(judged_by(statement({"restrict": restrict})), **sent)
    assert refused.verdict == ("accept" if corrected is None else "reject")
    made = ruled(judged_by(statement({"restrict": restrict, "correct": True})), **sent)
    assert members(made).items() >= (corrected or sent).items()
    assert made.statements == (() if corrected is None else ("one",))


@each(
    "restrict, sent",
    [
        ({"scope": ["openid"]}, {"scope": "email"}),
        ({"redirect_uris.host": ["other.example"]}, {}),
        ({"client_uri.host": ["other.example"]}, {"client_uri": "https://a.example/"}),
    ],
)
def test_what_has_nothing_left_is_refused_all_the_same(restrict: Any, sent: Any) -> None:
    found = ruled(judged_by(statement({"restrict": restrict, "correct": True})), **sent)
    assert found.error is not None
    assert found.error.description.startswith(f"{next(iter(restrict))} must be of ")
    is_redirect = "redirect_uris.host" in restrict
    assert found.error.code == (
        "invalid_redirect_uri" if is_redirect else "invalid_client_metadata"
    )


def test_statements_see_what_those_before_them_made() -> None:
    judged = judged_by(
        statement({"force": {"client_name": "X"}}, "a"),
        statement({"tag": ["seen", "twice"]}, "b", client_name="X"),
        statement({"tag": ["twice"]}, "c", client_name="Y"),
        statement({"hold": True}, "d", client_name="X"),
    )
    made = ruled(judged, client_name="Y")
    assert (made.verdict, made.statements, made.tags) == (
        "hold",
        ("a", "b", "d"),
        ("seen", "twice"),
    )
    assert members(made)["client_name"] == "X"


def test_what_is_stored_was_judged_whole() -> None:
    """A later statement that makes what an earlier one refuses does not get past it."""
    judged = judged_by(
        statement(REJECT, "no public ones", token_endpoint_auth_method="none"),
        statement({"force": {"token_endpoint_auth_method": "none"}}, "all public"),
    )
    found = ruled(judged)
    assert (found.verdict, found.statements) == ("reject", ("no public ones",))


def test_what_a_policy_makes_is_validated() -> None:
    judged = judged_by(statement({"force": {"grant_types": ["client_credentials"]}}))
    found = ruled(judged, token_endpoint_auth_method="none")
    assert found.error is not None
    assert "as the policy of this server changes it: grant_types" in found.error.description
    made = members(ruled(judged))
    assert (made["grant_types"], made.get("response_types")) == (["client_credentials"], [])


def test_a_policy_that_never_comes_to_rest_refuses() -> None:
    judged = judged_by(
        statement({"force": {"client_name": "b"}}, "a", client_name="a"),
        statement(
            {"force": {"client_name": "a", "software_id": "x"}}, "b", client_name={"not": "a"}
        ),
        statement({"remove": ["software_id"]}, "c", client_name="a"),
    )
    found = ruled(judged, client_name="c")
    assert found.error is None or "contradict each other" in found.error.description


@each(
    "then, told",
    [
        ({}, "exactly one of"),
        ({"hold": True, "remove": ["client_name"]}, "exactly one of"),
        ({"hold": False}, "must be True"),
        ({"rejct": {}}, "did you mean reject"),
        ({"reject": {"error": "access_denied"}}, "must be"),
        ({"reject": {"description": "n\u00f6"}}, "printable ASCII"),
        ({"reject": {"description": 'say "x"'}}, "printable ASCII"),
        ({"reject": {"description": "a\nb"}}, "printable ASCII"),
        ({"default": {}}, "at least 1"),
        ({"default": {"contact": ["x"]}}, "did you mean contacts"),
        ({"default": {"contacts": "a@b.example"}}, "must be an array"),
        ({"force": {"application_type": "desktop"}}, "must be"),
        ({"force": {"client_id": "x"}}, "for the server to set"),
        ({"restrict": {"scope": []}}, "at least 1"),
        ({"restrict": {"redirect_uris.host": ["a b"]}}, "must be a host"),
        ({"restrict": {"client_name.host": ["a.example"]}}, "has no host"),
        ({"restrict": {"application_type": ["desktop"]}}, "none of these can be had"),
        ({"remove": ["redirect_uris.host"]}, "no such member"),
        ({"remove": []}, "at least 1"),
        ({"require": ["nothing"]}, "no such member"),
        ({"tag": ["a b"]}, "must match"),
        ({"hold": True, "correct": True}, "correct stands beside one of"),
        ({"require_pkce": False}, "must be True"),
        ({"require_pkce": True, "first_party": True}, "exactly one of"),
        ({"first_party": "yes"}, "true or false"),
        ({"expire": {}}, "must hold one of"),
        ({"expire": {"secret": 0}}, "greater than or equal to 1"),
        ({"expire": {"access_token": 86_401}}, "less than or equal to 86400"),
        ({"expire": {"tokens": 60}}, "did you mean"),
        ({"expire": {"secret": 60}, "correct": True}, "correct stands beside one of"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(then: Any, told: str) -> None:
    with pytest.raises(BadDocument, match=told) as refused:
        policy_of({"name": "a", "then": then})
    assert all(each.pointer.startswith("/statements/0/then") for each in refused.value.problems)


@each(
    "first, second, place",
    [
        (({"force": {"client_name": "a"}}, {}), ({"force": {"client_name": "b"}}, {}),
         "/force/client_name"),
        (({"force": {"client_name": "a"}}, {}), ({"remove": ["client_name"]}, {}),
         "/remove/client_name"),
        (({"require": ["client_name"]}, {}),
         ({"remove": ["client_name"]}, {"origin": "open"}), "/remove/client_name"),
        (({"restrict": {"scope": ["a"]}}, {"origin": "open"}),
         ({"force": {"scope": "a b"}}, {"origin": "open"}), "/force/scope"),
        (({"restrict": {"scope": ["a"]}}, {}), ({"restrict": {"scope": ["b"]}}, {}),
         "/restrict/scope"),
        ((REJECT, {}), ({"hold": True}, {"origin": "open"}), ""),
    ],
)  # fmt: skip
def test_statements_that_exclude_each_other_are_refused(
    first: Any, second: Any, place: str
) -> None:
    written = [statement(then, name, **when) for name, (then, when) in
               (("a", first), ("b", second))]  # fmt: skip
    with pytest.raises(BadDocument) as refused:
        policy_of(*written)
    then = f"/then{place}" if place else ""
    assert [each.pointer for each in refused.value.problems] == [f"/statements/1{then}"]


def test_statements_for_different_clients_do_not_exclude_each_other() -> None:
    policy_of(
        statement({"force": {"client_name": "a"}}, "a", application_type="web"),
        statement({"force": {"client_name": "b"}}, "b", application_type="native"),
        statement({"restrict": {"scope": ["a", "b"]}}, "c"),
        statement({"restrict": {"scope": ["b"]}}, "d"),
    )


def test_two_statements_have_two_names() -> None:
    with pytest.raises(BadDocument) as refused:
        policy_of(statement({"hold": True}, "a"), statement({"hold": True}, "a"))
    assert [each.pointer for each in refused.value.problems] == ["/statements/1/name"]


def test_a_policy_says_again_what_was_written() -> None:
    written = [
        {"name": "a", "when": {"origin": {"in": ["open"]}}, "then": {"restrict": {
            "scope": ["x"]}, "correct": True}},
        {"name": "b", "when": {}, "then": {"hold": True}},
    ]  # fmt: skip
    made = Policy.model_validate({"statements": written})
    assert made.model_dump(mode="json", by_alias=True)["statements"] == written
    assert Policy.model_validate({"statements": written}) == made


@each(
    "then, sent, told",
    [
        ({"force": {"client_name": "X"}}, {"client_name": "Y"}, "client_name must be 'X'"),
        ({"force": {"client_name": "X"}}, {"client_name": "X"}, None),
        ({"force": {"client_name": "X"}}, {}, None),
        ({"force": {"token_endpoint_auth_method": "none"}}, {}, None),
        ({"remove": ["logo_uri"]}, {"logo_uri": "https://a.example/"},
         "logo_uri must not be there"),
        ({"remove": ["logo_uri"]}, {}, None),
        ({"force": {"redirect_uris": ["https://a.example/cb"]}}, {}, "redirect_uris must be"),
    ],
)  # fmt: skip
def test_what_would_be_corrected_is_refused_where_the_statement_says_so(
    then: Any, sent: dict[str, Any], told: str | None
) -> None:
    judged = judged_by({"name": "a", "then": then, "correct": False})
    found = ruled(judged, **sent)
    if told is None:
        assert found.verdict == "accept"
        assert members(found).items() >= then.get("force", {}).items()
    else:
        assert found.error is not None
        assert found.error.description.startswith(told)
        code = "invalid_redirect_uri" if "redirect_uris" in told else "invalid_client_metadata"
        assert found.error.code == code
    assert ruled(judged_by({"name": "a", "then": then}), **sent).verdict == "accept"


def test_whether_to_correct_may_stand_in_either_place() -> None:
    restrict = {"restrict": {"scope": ["openid"]}}
    for correct in (True, False):
        inside = policy_of({"name": "a", "then": restrict | {"correct": correct}})
        beside = policy_of({"name": "a", "then": restrict, "correct": correct})
        assert inside == beside
        again = {"name": "a", "then": restrict | {"correct": correct}, "correct": correct}
        assert policy_of(again) == beside
        with pytest.raises(BadDocument, match="said twice, and not the same"):
            policy_of(again | {"correct": not correct})
    with pytest.raises(BadDocument, match="correct stands beside one of"):
        policy_of({"name": "a", "then": {"hold": True}, "correct": True})


@each(
    "then, made",
    [
        ({"require_pkce": True}, {"require_pkce": True}),
        ({"require_consent": True}, {"skip_consent": False}),
        ({"first_party": True}, {"third_party": False}),
        ({"first_party": False}, {"third_party": True}),
        ({"expire": {"access_token": 600}}, {"authorization_code_access_token_lifetime": 600,
                                             "client_credentials_access_token_lifetime": 600}),
        ({"expire": {"refresh_token": 9, "id_token": 8}}, {"refresh_token_lifetime": 9,
                                                           "id_token_lifetime": 8}),
    ],
)  # fmt: skip
def test_facts_are_set_that_nobody_sets_for_themselves(then: Any, made: dict[str, Any]) -> None:
    judged = judged_by(statement(then))
    found = ruled(judged, skip_consent=True, third_party=None, refresh_token_lifetime=7)
    assert members(found).items() >= made.items()
    assert found.statements == ("one",)
    # What self-service sends of them counts for nothing, and refuses nothing.
    strict = judged_by({"name": "a", "then": then, "correct": False} if "expire" not in then
                       else statement(then))  # fmt: skip
    assert members(ruled(strict, **dict.fromkeys(made, None))).items() >= made.items()


def test_an_administrators_choice_is_overruled_or_refused() -> None:
    sent = {"redirect_uris": [CALLBACK], "skip_consent": True, "refresh_token_lifetime": 100}
    by = {"administrator": True}
    force = {"name": "a", "then": {"require_consent": True}}
    corrected = ruled(terms(statements=[force], **by), sent)
    assert members(corrected)["skip_consent"] is False
    refused = ruled(terms(statements=[force | {"correct": False}], **by), sent)
    assert refused.error is not None
    assert refused.error.description == "skip_consent must be false"


def test_lifetimes_are_the_longest_that_there_may_be() -> None:
    expire = {"secret": 3600, "registration_access_token": 60, "refresh_token": 500}
    judged = terms(
        statements=[statement({"expire": expire}, "a"),
                    statement({"expire": {"secret": 600, "refresh_token": 900}}, "b"),
                    statement({"expire": {"secret": 1}}, "c", client_name="x")],
        administrator=True,
    )  # fmt: skip
    found = ruled(judged, {"redirect_uris": [CALLBACK], "refresh_token_lifetime": 100})
    assert members(found)["refresh_token_lifetime"] == 100
    assert dict(found.expiries) == {"secret": 600, "registration_access_token": 60}
    assert found.statements == ("a", "b")
    assert members(ruled(judged))["refresh_token_lifetime"] == 500


@each(
    "first, second",
    [
        ({"require_pkce": True}, {"force": {"require_pkce": False}}),
        ({"first_party": True}, {"first_party": False}),
        ({"require_consent": True}, {"remove": ["skip_consent"]}),
    ],
)
def test_facts_that_exclude_each_other_are_refused(first: Any, second: Any) -> None:
    with pytest.raises(BadDocument, match="contradicts a"):
        policy_of(statement(first, "a"), statement(second, "b"))
