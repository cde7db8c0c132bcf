"""The preview: every member accounted for, nothing judged otherwise than at registration."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from dcrserver.errors import RegistrationError
from dcrserver.metadata import Terms, explain, recognized, validate
from dcrserver.policies.statements.conditions import Circumstances
from dcrserver.strict_json import JsonObject, JsonValue, dumps
from harness.cases import each
from harness.properties import examples
from metadata.strategies import ANY_SUBMISSIONS, TERMS_OF
from metadata.support import CALLBACK, MINIMAL, TERMS, terms

requirement = pytest.mark.requirement


def told(submission: JsonObject, judged_by: Terms = TERMS) -> dict[str, Any]:
    return dict(explain(submission, judged_by, here=Circumstances()))


def warnings(submission: JsonObject, judged_by: Terms = TERMS) -> list[str]:
    return [
        f"{issue['member']} {issue['reason']}"
        for issue in told(submission, judged_by)["issues"]
        if issue["severity"] == "warning"
    ]


def test_an_issue_names_its_rule_and_its_place() -> None:
    issue = told({"redirect_uris": [CALLBACK], "grant_types": ["client_credentials"]}
                 | {"token_endpoint_auth_method": "none"})["issues"][0]  # fmt: skip
    assert issue == {
        "member": "grant_types",
        "reason": "'client_credentials' needs a token_endpoint_auth_method other than none",
        "requirement": "CF-12",
        "specification": "RFC 6749 4.4, CIBA 4",
        "severity": "error",
        "error": "invalid_client_metadata",
    }


def test_defaults_are_told_apart_from_what_was_sent() -> None:
    found = told(MINIMAL | {"client_name": "A", "client_name#fr": "B"}, Terms())
    assert found["defaults"] == {
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "application_type": "web",
        "id_token_signed_response_alg": "RS256",
        "require_auth_time": False,
    }
    assert found["changes"] == found["ignored"] == found["not_checked"] == []


@requirement("POL-33", "POL-46", "POL-30")
@each(
    "members, judged_by, change",
    [
        (
            {"scope": "openid nonsense"},
            TERMS,
            {
                "member": "scope",
                "sent": "openid nonsense",
                "registered": "openid",
                "reason": "only what this server supports is registered: scopes_supported",
            },
        ),
        (
            {"frontchannel_logout_uri": "https://a.example/"},
            Terms(),
            {
                "member": "frontchannel_logout_uri",
                "sent": "https://a.example/",
                "reason": "this server does not support it: frontchannel_logout_supported",
            },
        ),
        (
            {"require_pushed_authorization_requests": False},
            terms(supported={"require_pushed_authorization_requests": ("yes",)}),
            {
                "member": "require_pushed_authorization_requests",
                "sent": False,
                "registered": True,
                "reason": "this server demands it of all clients:"
                " require_pushed_authorization_requests",
            },
        ),
        (
            {"id_token_signing_alg_values_supported": ["ES256", "x"]},
            TERMS,
            {
                "member": "id_token_signing_alg_values_supported",
                "sent": ["ES256", "x"],
                "reason": "a list of possibilities; one is chosen as id_token_signed_response_alg",
            },
        ),
        (
            {"application_type": "mobile"},
            terms(registration={"application_type_aliases": {"mobile": "native"}}),
            {
                "member": "application_type",
                "sent": "mobile",
                "registered": "native",
                "reason": "another word for it, or what the redirect_uris say it is"
                " (policy.registration)",
            },
        ),
        (
            {"grant_types": ["client_credentials"], "response_types": ["code"]},
            terms(grants={"stray_response_types": "ignore"}),
            {
                "member": "response_types",
                "sent": ["code"],
                "registered": [],
                "reason": "a client that is never redirected has none",
            },
        ),
        (
            {"application_type": "web", "redirect_uris": ["com.example.app:/cb"]},
            terms(registration={"correct_application_type": True}),
            {
                "member": "application_type",
                "sent": "web",
                "registered": "native",
                "reason": "another word for it, or what the redirect_uris say it is"
                " (policy.registration)",
            },
        ),
        (
            {"redirect_uris": ["https://a.example/", "https://a.example/"]},
            TERMS,
            {
                "member": "redirect_uris",
                "sent": ["https://a.example/", "https://a.example/"],
                "registered": ["https://a.example/"],
                "reason": "a value that is named more than once is registered once",
            },
        ),
        (
            {"id_token_signed_response_alg": "RS512"},
            terms(
                supported={"id_token_signing_alg_values_supported": ("ES256",)},
                algorithms={"unsupported": "substitute"},
            ),
            {
                "member": "id_token_signed_response_alg",
                "sent": "RS512",
                "registered": "ES256",
                "reason": "only what this server supports is registered:"
                " id_token_signing_alg_values_supported",
            },
        ),
    ],
)
def test_changes_are_told_with_their_reason(
    members: JsonObject, judged_by: Terms, change: JsonObject
) -> None:
    found = told(MINIMAL | members, judged_by)
    assert found["acceptable"], found["issues"]
    assert found["changes"] == [change]


@each(
    "name, reason",
    [
        ("redirect_uri", "unknown; did you mean redirect_uris?"),
        ("redirectUris", "unknown; did you mean redirect_uris?"),
        ("idTokenSignedResponseAlg", "unknown; did you mean id_token_signed_response_alg?"),
        ("x_vendor_thing", "unknown"),
        ("client_label", "unknown"),  # not similar enough to client_name
        ("client_id", "only the server sets it"),
        ("software_statement", "software statements are not read here (policy.statements_mode)"),
        ("organization_name", "the family federation is off (policy.extensions.optional_families)"),
        (
            "organization_name#de",
            "the family federation is off (policy.extensions.optional_families)",
        ),
        ("vp_formats", "drafts of OpenID for Verifiable Presentations; now vp_formats_supported"),
    ],
)
def test_what_is_ignored_is_told_with_the_reason(name: str, reason: str) -> None:
    ignored = told(MINIMAL | {name: "x"}, Terms())["ignored"]
    assert ignored == [{"member": name, "reason": reason}]


@requirement("POL-08")
@each("name, value", [("jwks", {}), ("scope", ""), ("contacts", []), ("client_name#de", "")])
def test_what_is_empty_is_told_to_count_as_left_out(name: str, value: JsonValue) -> None:
    found = told(MINIMAL | {name: value}, Terms())
    assert found["ignored"] == [{"member": name, "reason": "empty, which counts as left out"}]
    assert told(MINIMAL | {name: None}, Terms())["ignored"] == []


@requirement("POL-40")
def test_members_of_the_server_can_be_an_issue() -> None:
    """Then they are told first, as registering refuses them first."""
    judged_by = terms(registration={"client_supplied_credentials": "reject"})
    bad: JsonObject = {"client_id": "mine", "redirect_uris": 1}
    errors = [i["member"] for i in told(bad, judged_by)["issues"] if i["severity"] == "error"]
    assert errors == ["client_id"]
    assert told(bad, judged_by)["error"] == "invalid_client_metadata"
    assert told(bad, TERMS)["error"] == "invalid_redirect_uri"
    fine = told(MINIMAL | {"client_name": "A"}, judged_by)
    assert (fine["acceptable"], fine["issues"]) == (True, [])


def test_what_was_not_sent_is_not_changed() -> None:
    found = told(MINIMAL | {"client_uri": "", "tos_uri": None, "contacts": [], "name": "A"},
                 terms(registration={"member_aliases": {"name": "client_name"}}))  # fmt: skip
    assert found["changes"] == []
    assert found["registration"]["client_name"] == "A"


def test_a_warning_has_no_error_code() -> None:
    (warning,) = told(MINIMAL)["issues"]
    assert warning.keys() == {"member", "reason", "requirement", "specification", "severity"}


def test_all_that_could_be_missing_is_named() -> None:
    judged_by = Terms(policy=terms(extensions={"unsupported_demands": "drop"}).policy)
    (change,) = told(MINIMAL | {"require_pushed_authorization_requests": True}, judged_by)[
        "changes"
    ]
    assert change["reason"] == (
        "this server does not support it:"
        " require_pushed_authorization_requests or pushed_authorization_request_endpoint"
    )


def test_what_is_read_later_is_told() -> None:
    remote: JsonObject = MINIMAL | {
        "sector_identifier_uri": "https://a.example/s",
        "jwks_uri": "https://a.example/j",
    }
    assert told(remote)["not_checked"] == ["sector_identifier_uri"]
    eager = terms(jwks={"eager_fetch": True})
    assert told(remote, eager)["not_checked"] == ["sector_identifier_uri", "jwks_uri"]
    assert told(MINIMAL, eager)["not_checked"] == []


@requirement("R8252-8.3-01", "R9700-2.1.2-01")
@each(
    "submission, warned",
    [
        (MINIMAL | {"client_name": "A"}, []),
        (
            {"redirect_uris": ["https://a.example/", "http://localhost/"], "client_name": "A"},
            ["redirect_uris element 1 is safer with 127.0.0.1 or [::1]"],
        ),
        (
            {"grant_types": ["password"]},
            ["grant_types 'password' is out of date; use authorization_code with PKCE"],
        ),
        (
            MINIMAL
            | {"grant_types": ["implicit"], "response_types": ["token"], "client_name": "A"},
            ["grant_types 'implicit' is out of date; use authorization_code with PKCE"],
        ),
        (
            {"redirect_uris": ["com.example.app:/cb"], "client_name": "A"},
            [
                (
                    "token_endpoint_auth_method is a method with a secret, which a native app"
                    " cannot keep; use none and PKCE"
                )
            ],
        ),
        (
            {"redirect_uris": ["com.example.app:/cb"], "client_name": "A"}
            | {"token_endpoint_auth_method": "none"},
            [],
        ),
        (
            MINIMAL,
            ["client_name is missing; a person who is asked for consent sees the client_id"],
        ),
        ({"grant_types": ["client_credentials"]}, []),
        (
            MINIMAL | {"client_name": "A", "token_endpoint_auth_signing_alg": "RS256"},
            ["token_endpoint_auth_signing_alg means nothing with client_secret_basic"],
        ),
        (
            MINIMAL | {"client_name": "A", "token_endpoint_auth_method": "client_secret_jwt"}
            | {"token_endpoint_auth_signing_alg": "HS256"},
            [],
        ),
    ],
)  # fmt: skip
def test_advice(submission: JsonObject, warned: list[str]) -> None:
    allowing = terms(grants={"implicit": True, "password": True})
    assert warnings(submission, allowing) == warned


@examples(400)
@given(submission=ANY_SUBMISSIONS, judged_by=TERMS_OF)
def test_the_preview_and_the_registration_agree(submission: JsonObject, judged_by: Terms) -> None:
    found = told(submission, judged_by)
    dumps(found)
    try:
        registered: JsonValue = dict(validate(submission, judged_by).members)
        code = None
    except RegistrationError as error:
        registered, code = None, error.code
    assert (found["registration"], found["error"]) == (registered, code)
    assert found["acceptable"] == (code is None)
    accounted = {item["member"] for item in found["ignored"]} | set(
        recognized(submission, judged_by)
    )
    assert accounted == set(submission)
