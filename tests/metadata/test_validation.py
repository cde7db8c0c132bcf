"""From a submission to a registration: defaults, tags, what is ignored, what is told."""

from __future__ import annotations

from typing import Any

import pytest

from dcrserver.errors import InvalidClientMetadata, InvalidRedirectUri
from dcrserver.metadata import (
    PARAMETERS,
    SERVER_ASSIGNED,
    Issue,
    Terms,
    examine,
    refuse_server_members,
    validate,
)
from dcrserver.metadata.capabilities import UNCONFIGURED, capabilities_of
from dcrserver.metadata.validation import server_members
from dcrserver.strict_json import JsonObject, JsonValue
from harness.cases import each
from metadata.support import CALLBACK, MINIMAL, TERMS, issues_of, terms, texts_of

requirement = pytest.mark.requirement


def registered(submission: JsonObject, judged_by: Terms = TERMS) -> dict[str, JsonValue]:
    return dict(validate(submission, judged_by).members)


# ---- defaults ------------------------------------------------------------------------------


@requirement("R7591-2-01", "R7591-2-03", "R7591-2-06", "R7591-2-07", "R7591-3.1-03")
@requirement("OIDR-2-03", "OIDR-2-04", "OIDR-2-20", "OIDR-2-24", "OIDR-2-30", "R7591-2-09")
@each(
    "judged_by",
    [Terms(), Terms(server=capabilities_of(UNCONFIGURED))],
)
def test_defaults_are_echoed(judged_by: Terms) -> None:
    assert registered(MINIMAL, judged_by) == {
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "application_type": "web",
        "id_token_signed_response_alg": "RS256",
        "require_auth_time": False,
    }


@requirement("R8705-3.4-01", "R9101-10.5-01", "R9126-6-01", "R9449-5.2-01", "R9701-6-01")
@requirement("JARM-3-01", "CIBA-4-05", "LOGO-2-02", "FAPI2-5.2.2.1.1-01")
def test_defaults_of_what_the_server_can_do_are_echoed() -> None:
    more = {
        name: value
        for name, value in registered(MINIMAL).items()
        if name not in registered(MINIMAL, Terms())
    }
    flags = {name: value for name, value in more.items() if value is False}
    assert flags.keys() == {
        "backchannel_logout_session_required",
        "backchannel_user_code_parameter",
        "dpop_bound_access_tokens",
        "frontchannel_logout_session_required",
        "require_pushed_authorization_requests",
        "require_signed_request_object",
        "tls_client_certificate_bound_access_tokens",
        "use_mtls_endpoint_aliases",
    }
    assert {name: value for name, value in more.items() if name not in flags} == {
        "authorization_signed_response_alg": "RS256",
        "introspection_signed_response_alg": "RS256",
    }


@requirement("R7591-2-03", "R7591-2-06", "OIDR-2-03", "OIDR-2-04", "OIDR-2-20", "OIDR-2-30")
def test_what_is_sent_beats_the_defaults() -> None:
    sent: JsonObject = {
        "redirect_uris": ["https://a.example/"],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "application_type": "native",
        "id_token_signed_response_alg": "ES256",
        "require_auth_time": True,
    }
    assert registered(sent, Terms()) == sent


@requirement("R7591-2.1-02", "R7591-2-07")
@each(
    "grant_types, response_types",
    [
        (["authorization_code"], ["code"]),
        (["authorization_code", "refresh_token"], ["code"]),
        (["client_credentials"], []),
        (["password", "refresh_token"], []),
        (["urn:ietf:params:oauth:grant-type:jwt-bearer"], []),
        (["client_credentials", "authorization_code"], ["code"]),
    ],
)
def test_response_types_follow_from_the_grants(
    grant_types: JsonValue, response_types: JsonValue
) -> None:
    made = registered(MINIMAL | {"grant_types": grant_types})
    assert made["response_types"] == response_types


def test_a_client_that_redirects_nowhere_is_told_so() -> None:
    made = registered({"grant_types": ["client_credentials"]})
    assert (made["redirect_uris"], made["response_types"]) == ([], [])
    assert made["application_type"] == "web"


@each(
    "default, grants, scope",
    [
        ("none", ["authorization_code"], None),
        ("supported", ["authorization_code"], "openid profile"),
        ("supported", ["authorization_code", "client_credentials"], None),
        (["profile", "unknown"], ["authorization_code"], "profile"),
        (["profile"], ["client_credentials"], "profile"),
    ],
)
def test_who_names_no_scope_gets_the_default_ones(
    default: JsonValue, grants: list[JsonValue], scope: str | None
) -> None:
    """RFC 7591 2: the server may; never by the dozen where no person looks on."""
    judged_by = terms(
        scope={"default": default}, supported={"scopes_supported": ("openid", "profile")}
    )
    draft, _ = examine(MINIMAL | {"grant_types": grants}, judged_by)
    assert draft.members.get("scope") == scope
    asked, _ = examine(MINIMAL | {"grant_types": grants, "scope": "openid"}, judged_by)
    assert asked.members["scope"] == "openid"


@requirement("OIDR-2-23")
@each(
    "stem",
    ["id_token_encrypted_response", "userinfo_encrypted_response", "request_object_encryption"],
)
def test_content_encryption_follows_from_key_management(stem: str) -> None:
    assert registered(MINIMAL | {f"{stem}_alg": "dir"})[f"{stem}_enc"] == "A128CBC-HS256"
    both: JsonObject = {f"{stem}_alg": "dir", f"{stem}_enc": "A256GCM"}
    assert registered(MINIMAL | both)[f"{stem}_enc"] == "A256GCM"
    assert f"{stem}_enc" not in registered(MINIMAL)


@requirement("OIDR-2-04", "POL-12")
@each(
    "values, application_type",
    [
        (["com.example.app:/cb"], "native"),
        (["http://127.0.0.1/cb"], "native"),
        (["http://localhost:3000/cb", "http://[::1]/cb"], "native"),
        (["cursor://a/b", "http://127.0.0.1/"], "native"),
        # A web client has no private-use scheme, a native one may claim https.
        (["cursor://a/b", CALLBACK, "http://localhost/"], "native"),
        ([CALLBACK], "web"),
        ([CALLBACK, "http://127.0.0.1/"], "web"),
        (["https://localhost/"], "web"),
    ],
)
def test_an_omitted_application_type_is_inferred(values: JsonValue, application_type: str) -> None:
    assert registered({"redirect_uris": values})["application_type"] == application_type


@requirement("OIDR-2-04", "POL-12", "POL-13")
def test_nothing_is_inferred_against_the_policy() -> None:
    app: JsonObject = {"redirect_uris": ["com.example.app:/cb"]}
    mixed: JsonObject = {"redirect_uris": ["com.example.app:/cb", CALLBACK]}
    off = terms(registration={"infer_application_type": False})
    no_claims = terms(redirect={"native_claimed_https": False})
    assert examine(app, off)[0].members["application_type"] == "web"
    assert examine(mixed, no_claims)[0].members["application_type"] == "web"
    assert examine(app, no_claims)[0].members["application_type"] == "native"


def test_what_is_sent_is_not_inferred() -> None:
    told = texts_of({"redirect_uris": ["com.example.app:/cb"], "application_type": "web"})
    assert len(told) == 1
    assert "application_type native" in told[0]


@requirement("R7591-2-17", "R7591-3.2.1-07", "OIDR-3.2-02")
@each(
    "name, bound, supported",
    [
        (
            "token_endpoint_auth_method",
            "token_endpoint_auth_methods_supported",
            ("client_secret_post", "none"),
        ),
        (
            "id_token_signed_response_alg",
            "id_token_signing_alg_values_supported",
            ("ES256", "PS256"),
        ),
        (
            "userinfo_encrypted_response_enc",
            "userinfo_encryption_enc_values_supported",
            ("A256GCM", "A128GCM"),
        ),
    ],
)
def test_a_default_that_the_server_lacks_gives_way_to_its_first_choice(
    name: str, bound: str, supported: tuple[str, ...]
) -> None:
    submission = MINIMAL | {"userinfo_encrypted_response_alg": "dir"}
    assert registered(submission, terms(supported={bound: supported}))[name] == supported[0]


# Servers that lack a default of the catalogue, by the list that lacks it.
LACKING: list[tuple[str, tuple[str, ...]]] = [
    ("grant_types_supported", ("client_credentials",)),
    ("grant_types_supported", ()),
    ("response_types_supported", ("code id_token",)),
    ("response_types_supported", ()),
    ("token_endpoint_auth_methods_supported", ("client_secret_post",)),
    ("token_endpoint_auth_methods_supported", ()),
    ("id_token_signing_alg_values_supported", ("ES256",)),
    ("id_token_signing_alg_values_supported", ()),
    # A server may know algorithms that this project does not.
    ("id_token_signing_alg_values_supported", ("ML-DSA-65", "ES256")),
]


@requirement("OIDD-7-01", "R7592-2.2-02")
@each("bound, supported", LACKING)
def test_defaults_are_values_that_can_be_sent(bound: str, supported: tuple[str, ...]) -> None:
    """What is registered for a client is what the client may ask for: an update sends it back."""
    judged_by = terms(supported={bound: supported})
    draft, issues = examine(MINIMAL, judged_by)
    if not issues:
        assert texts_of(draft.members, judged_by) == []


@requirement("POL-33", "R7592-2.2-02")
@each("supported", [("ES256",), ("ML-DSA-65", "ES256")])
def test_substitutes_are_values_that_can_be_sent(supported: tuple[str, ...]) -> None:
    bound = {"id_token_signing_alg_values_supported": supported}
    judged_by = terms(supported=bound, algorithms={"unsupported": "substitute"})
    made = registered(MINIMAL | {"id_token_signed_response_alg": "PS256"}, judged_by)
    assert made["id_token_signed_response_alg"] in supported
    assert texts_of(made, judged_by) == []


# ---- language tags -------------------------------------------------------------------------


@requirement("R7591-2.2-01", "R7591-2.2-03", "OIDR-2.1-01")
@each(
    "name",
    ["client_name#fr", "client_name#ja-Jpan-JP", "client_name#JA-jpan-jp", "client_name#x-a"],
)
def test_tagged_members_are_kept_under_their_own_spelling(name: str) -> None:
    made = registered(MINIMAL | {name: "\u65e5\u672c"})
    assert made[name] == "\u65e5\u672c"
    assert [key for key in made if key.startswith("client_name")] == [name]


@requirement("R7591-2.2-01", "R7591-2.2-02")
def test_all_variants_are_kept_beside_the_untagged_one() -> None:
    sent: JsonObject = {
        "client_name#fr": "Nom",
        "client_name": "Name",
        "client_name#fr-CA": "Nom d'ici",
        "tos_uri#de": "https://a.example/agb",
    }
    made = registered(MINIMAL | sent)
    assert {name: made[name] for name in sent} == sent


@requirement("R7591-2.2-01")
@each(
    "name, value, reason",
    [
        ("client_name#fr", 1, "must be a string"),
        ("client_name#fr", "a\nb", "must not hold the character U+000A"),
        ("client_name#fr", "x" * 257, "must not be longer than 256 characters"),
        ("logo_uri#fr", "javascript:alert(1)", "must be an https URL"),
        ("policy_uri#fr", "http://a.example/", "must be an https URL"),
    ],
)
def test_variants_are_judged_like_their_base(name: str, value: JsonValue, reason: str) -> None:
    assert texts_of(MINIMAL | {name: value}) == [f"{name} {reason}"]


@requirement("R7591-2.2-04", "POL-21")
@each("base", [row.name for row in PARAMETERS.values() if row.localizable])
def test_tags_that_differ_in_case_only_are_duplicates(base: str) -> None:
    value = PARAMETERS[base].example
    found = issues_of(MINIMAL | {f"{base}#fr": value, f"{base}#de": value, f"{base}#FR": value})
    reason = "is given twice with language tags that differ in case only"
    assert found == [Issue(base, reason, "CF-70", "RFC 7591 2.2")]


@requirement("R7591-2.2-04", "POL-21")
def test_the_same_tag_on_other_members_is_no_duplicate() -> None:
    submission = MINIMAL | {"client_name#fr": "a", "client_uri#FR": "https://a.example/"}
    assert texts_of(submission) == []


@requirement("R7592-2.2-08", "POL-06", "POL-08")
@each("omitted", [None, ""])
def test_an_omitted_variant_is_no_duplicate(omitted: JsonValue) -> None:
    """Null and empty stand for a member that is not there."""
    for names in (("client_name#fr", "client_name#FR"), ("client_name#FR", "client_name#fr")):
        submission = MINIMAL | {names[0]: omitted, names[1]: "Nom"}
        assert texts_of(submission) == []
        assert registered(submission)[names[1]] == "Nom"


@requirement("R7591-2-16")
@each(
    "name",
    [
        "client_name#",
        "client_name#-",
        "client_name#f",
        "client_name#fr_FR",
        "client_name#fr#ca",
        "client_name# fr",
        "client_name#\u65e5",
        "#fr",
        "Client_name#fr",
        "x_unknown#fr",
        "scope#fr",
        "redirect_uris#fr",
        "contacts#fr",
        "client_id#fr",
    ],
)
def test_what_is_no_variant_is_ignored(name: str) -> None:
    """An ill-formed tag, or a tag where none is meaningful, makes an unknown member."""
    for value in (1, "x", None):
        assert registered(MINIMAL | {name: value}) == registered(MINIMAL)


@requirement("R7592-2.2-08", "POL-08")
def test_empty_variants_are_left_out() -> None:
    assert registered(MINIMAL | {"client_name#fr": "", "logo_uri#fr": None}) == registered(MINIMAL)


# ---- what is ignored -----------------------------------------------------------------------


@requirement("R7591-2-16", "OIDR-3.2-03", "POL-56", "R7591-3.1.1-01")
@each("name", ["x_unknown", "software_statement", "", "client_name ", "vp_formats"])
@each("value", [None, 1, "x", [], [{}], {"a": {"b": [1]}}])
def test_unknown_members_are_ignored(name: str, value: JsonValue) -> None:
    assert registered(MINIMAL | {name: value}) == registered(MINIMAL)


@requirement("R7591-2-19")
@each("name", PARAMETERS)
def test_names_have_their_case(name: str) -> None:
    assert registered(MINIMAL | {name.upper(): 1.5, name.title(): 1.5}) == registered(MINIMAL)


def test_a_refusal_tells_which_members_may_be_meant() -> None:
    submission: JsonObject = {
        "redirectUris": ["https://a.example/cb"],
        "Client-Name": "x",
        "grantTypes": ["implicit"],
        "grant_types": ["authorization_code"],
        "x_unknown": 1,
    }
    with pytest.raises(InvalidRedirectUri) as caught:
        validate(submission, TERMS)
    assert caught.value.description == (
        "redirect_uris is required for the grant type authorization_code;"
        " redirectUris is not known, did you mean redirect_uris?;"
        " Client-Name is not known, did you mean client_name?"
    )


def test_only_so_many_members_may_be_meant() -> None:
    submission: JsonObject = {f"{'-' * count}scope": "x" for count in range(1, 50)}
    with pytest.raises(InvalidRedirectUri) as caught:
        validate(submission, TERMS)
    assert caught.value.description.count("did you mean") == 5


@requirement("R7591-6-01", "R7592-2.2-12", "POL-40")
@each("name", SERVER_ASSIGNED)
@each("value", ["evil", 0, None, []])
def test_members_of_the_server_are_never_taken_from_the_client(name: str, value: JsonValue) -> None:
    assert registered(MINIMAL | {name: value}) == registered(MINIMAL)


FORBIDDEN = frozenset({"client_id", "client_secret", "client_secret_expires_at"})


@requirement("R7592-2.2-03", "R7592-2.2-05", "R7592-2.2-06", "POL-40", "POL-44")
@each(
    "submission, named",
    [
        ({"client_id": "x"}, ["client_id"]),
        ({"client_secret": "", "client_name": "x"}, ["client_secret"]),
        ({"client_secret_expires_at": 0}, ["client_secret_expires_at"]),
        ({"client_secret": [], "client_id": False}, ["client_id", "client_secret"]),
    ],
)
def test_members_of_the_server_can_be_refused(submission: JsonObject, named: list[str]) -> None:
    with pytest.raises(InvalidClientMetadata) as caught:
        refuse_server_members(submission, FORBIDDEN)
    assert caught.value.description == "; ".join(
        f"{name} must not be sent: set by this server" for name in named
    )
    assert server_members(submission, FORBIDDEN) == [
        Issue(name, "must not be sent: set by this server", "CF-97", "RFC 7592 2.2")
        for name in named
    ]


@requirement("POL-06", "POL-44")
@each(
    "submission",
    [{}, {"client_id": None, "client_secret": None}, {"registration_access_token": "x"}],
)
def test_other_members_are_not_refused(submission: JsonObject) -> None:
    refuse_server_members(submission, FORBIDDEN)


# ---- issues --------------------------------------------------------------------------------


@requirement("R7591-3.2.2-05", "R7591-3.2.2-06")
def test_all_issues_are_told_and_the_first_decides_the_error() -> None:
    submission: JsonObject = {
        "software_id": 1,
        "client_name": {},
        "contacts": "x",
        "redirect_uris": ["https://a.example/#"],
        "default_max_age": -1,
    }
    with pytest.raises(InvalidRedirectUri) as caught:
        validate(submission, TERMS)
    assert caught.value.description == (
        "redirect_uris element 0 holds a fragment; client_name must be a string;"
        " contacts must be an array of strings; software_id must be a string;"
        " default_max_age must be a non-negative integer"
    )
    del submission["redirect_uris"]
    with pytest.raises(InvalidClientMetadata, match=r"^client_name must be a string; contacts "):
        validate(submission, TERMS)


def test_members_are_judged_in_the_order_of_the_catalogue() -> None:
    for names in (list(PARAMETERS), list(reversed(PARAMETERS))):
        found = issues_of(dict.fromkeys(names, 1.5))
        assert [issue.member for issue in found] == list(PARAMETERS)


def test_a_base_comes_before_its_variants_and_these_by_name() -> None:
    names = ["client_name#fr", "logo_uri", "client_name#de", "client_name", "scope"]
    told = [issue.member for issue in issues_of(MINIMAL | dict.fromkeys(names, 1.5))]
    assert told == ["client_name", "client_name#de", "client_name#fr", "logo_uri", "scope"]


def test_rules_come_after_single_members() -> None:
    submission: JsonObject = {
        "grant_types": ["refresh_token"],
        "id_token_encrypted_response_enc": "A128GCM",
        "request_uris": [1],
        "client_uri": "x",
    }
    assert [issue.member for issue in issues_of(submission)] == [
        "client_uri",
        "request_uris",
        "grant_types",
        "id_token_encrypted_response_enc",
    ]


@requirement("R7591-3.2.2-05")
def test_duplicate_tags_are_told_in_the_order_of_the_catalogue() -> None:
    """A bad redirection URI is the first issue whatever else is wrong."""
    submission: JsonObject = {
        "client_name#fr": "a",
        "client_name#FR": "b",
        "redirect_uris": ["https://a.example/#"],
        "scope": 1,
    }
    assert [issue.member for issue in issues_of(submission)] == [
        "redirect_uris",
        "client_name",
        "scope",
    ]


def test_a_rule_that_concerns_redirect_uris_alone_decides_the_error() -> None:
    with pytest.raises(InvalidRedirectUri, match=r"^redirect_uris is required "):
        validate({}, TERMS)


@requirement("OIDR-7-01")
def test_a_bad_member_is_not_in_the_draft() -> None:
    draft, issues = examine(MINIMAL | {"scope": 1, "application_type": "x"}, TERMS)
    assert draft.failed == {"scope", "application_type"}
    assert not draft.failed & draft.members.keys()
    assert len(issues) == 2


def test_a_bad_member_gets_no_default() -> None:
    """Nor does what would follow from it."""
    draft, issues = examine({"grant_types": 1}, TERMS)
    assert [issue.text for issue in issues] == ["grant_types must be an array of strings"]
    assert not {"grant_types", "response_types", "redirect_uris"} & draft.members.keys()


def test_the_submission_is_not_changed() -> None:
    submission: JsonObject = MINIMAL | {"scope": "x openid", "grant_types": ["implicit", "x"]}
    before = {name: value for name, value in submission.items()}  # noqa: C416 - a plain copy
    examine(submission, TERMS)
    assert submission == before


UNSPEAKABLE = ['"', "\\", "\u65e5", "\U0001f600", "\x00", "\n", "\x7f", "\u202e", "\ud800"]


@requirement("R7591-3.2.2-03", "R7591-3.2.2-04")
@each("text", UNSPEAKABLE)
@each("name", PARAMETERS)
def test_error_texts_never_repeat_what_they_must_not_hold(name: str, text: str) -> None:
    values: list[JsonValue] = [
        text,
        [text],
        {"keys": [{"kty": text, "d": text}, {"kty": "EC", "crv": text, "kid": text, "x": text}]},
        f"https://a.example/{text}",
        [f"https://a.example/{text}"],
        f"{text}:x",
        [f"{text}:x", f"a{text}.b:/"],
    ]
    for value in values:
        for member in (name, f"{name}#fr"):
            for told in texts_of(MINIMAL | {member: value, f"{name}#{text}": value}):
                assert told.isascii()
                assert told.isprintable()
                assert not {'"', "\\"} & set(told)


def test_a_draft_answers_by_type() -> None:
    draft, _ = examine(MINIMAL | {"client_name": "x"}, TERMS)
    assert draft.text("client_name") == "x"
    assert draft.texts("redirect_uris") == [CALLBACK]
    odd: dict[str, Any] = {"client_name": ["x", 1], "redirect_uris": "x"}
    draft.members |= odd
    assert (draft.text("client_name"), draft.texts("redirect_uris")) == ("", [])
    assert draft.texts("client_name") == ["x"]
    assert (draft.text("scope"), draft.texts("scope"), draft.has("scope")) == ("", [], False)
