"""Each row of the catalogue against each JSON type and bound: the cases come from PARAMETERS."""

from __future__ import annotations

from typing import Any

import pytest

from dcrserver.errors import InvalidClientMetadata, InvalidRedirectUri
from dcrserver.metadata import (
    PARAMETERS,
    SERVER_ASSIGNED,
    Issue,
    Parameter,
    Terms,
    algorithms,
    kinds,
    validate,
)
from dcrserver.metadata.kinds.names import canonical_response_type
from dcrserver.metadata.model import Unacceptable
from dcrserver.strict_json import JsonObject, JsonValue
from harness.cases import each
from metadata.support import EVERYTHING, FEATURES, MINIMAL, TERMS, issues_of, terms

requirement = pytest.mark.requirement

ROWS = list(PARAMETERS.values())


def rows_of(*some: Any) -> list[Any]:
    """The rows of these kinds, as parameters of a test."""
    return [row for row in ROWS if row.kind in some]


def judged(row: Parameter, value: JsonValue, judged_by: Terms = TERMS) -> JsonValue:
    return row.kind.check(value, judged_by, row)


def refusal(row: Parameter, value: JsonValue, judged_by: Terms = TERMS) -> str:
    with pytest.raises(Unacceptable) as caught:
        judged(row, value, judged_by)
    return str(caught.value)


def without(name: str) -> JsonObject:
    return {key: value for key, value in MINIMAL.items() if key != name}


# ---- the wrong type ------------------------------------------------------------------------

VALUES_BY_TYPE: dict[str, list[JsonValue]] = {
    "boolean": [True, False],
    "integer": [0, 1, -1, 2**63],
    "number": [0.0, 1.5, 1e300],
    "string": ["x", "true", "1", '["x"]'],
    "array": [[1], [None], [True], [["x"]], [{}], ["x", 1], [1, "x"]],
    "object": [{}, {"x": 1}, {"0": "https://a.example/"}],
}


def wrong_values(row: Parameter) -> list[JsonValue]:
    """Values of every type but the one that the row declares; arrays with elements of no use."""
    declared = row.kind.schema["type"]
    found: list[JsonValue] = [[], ["x"]] if declared != "array" else []
    for name, values in VALUES_BY_TYPE.items():
        found += [] if name == declared and name != "array" else values
    # What is a wish to leave the member out is no value of the wrong type.
    return [value for value in found if not row.kind.leaves_out(value)]


WRONG = [(row, value) for row in ROWS for value in wrong_values(row)]


@requirement("R7591-3.2.2-05", "R7591-3.2.2-06")
@each("row, value", WRONG)
def test_a_value_of_the_wrong_type_is_one_issue_of_its_row(
    row: Parameter, value: JsonValue
) -> None:
    (issue,) = issues_of(MINIMAL | {row.name: value})
    assert (issue.member, issue.error) == (row.name, row.error)
    assert issue.specification == row.specification
    assert issue.reason.isascii()
    with pytest.raises(row.error, match=rf"^{row.name} "):
        validate(MINIMAL | {row.name: value}, TERMS)


def test_only_redirect_uris_have_an_error_code_of_their_own() -> None:
    assert PARAMETERS["redirect_uris"].error is InvalidRedirectUri
    others = {row.error for row in ROWS if row.name != "redirect_uris"}
    assert others == {InvalidClientMetadata}


@requirement("POL-06", "R7592-2.2-08")
@each("row", ROWS)
def test_null_counts_as_omitted(row: Parameter) -> None:
    # A client without a redirect grant may leave out each member.
    base: JsonObject = {"grant_types": ["client_credentials"]} | (
        MINIMAL if row.name == "grant_types" else {}
    )
    base.pop(row.name, None)
    assert validate(base | {row.name: None}, TERMS) == validate(base, TERMS)


# What leaves a member out beside null, by the type that its row declares.
EMPTY: dict[str, list[JsonValue]] = {
    "string": ["", []], "array": ["", []], "object": ["", {}], "boolean": [""], "integer": [""],
}  # fmt: skip


@requirement("POL-08", "R7592-2.2-08", "R7592-2.2-09")
@each(
    "row, empty",
    [(row, empty) for row in ROWS for empty in ("", [], {})],
)
def test_an_empty_value_counts_as_omitted(row: Parameter, empty: JsonValue) -> None:
    base: JsonObject = MINIMAL if row.name == "grant_types" else {"grant_types": ["password"]}
    if empty in EMPTY[str(row.kind.schema["type"])] and not (
        empty == [] and "minItems" in row.kind.schema
    ):
        assert validate(base | {row.name: empty}, TERMS) == validate(base, TERMS)
    else:
        assert issues_of(base | {row.name: empty})[0].member == row.name


def test_which_lists_need_an_element() -> None:
    needing = {row.kind.name for row in ROWS if "minItems" in row.kind.schema}
    assert needing == {"choices", "possibilities"}


@requirement("POL-08", "R7592-2.2-08")
def test_what_an_empty_list_of_response_types_becomes() -> None:
    """As if it were not there: it follows from the grants, and the answer says so."""
    for grant, filled_in in (("client_credentials", []), ("authorization_code", ["code"])):
        submission: JsonObject = MINIMAL | {"grant_types": [grant], "response_types": []}
        assert validate(submission, TERMS).members["response_types"] == filled_in


# ---- the catalogue -------------------------------------------------------------------------


# What some examples make sense beside only.
TLS: JsonObject = {"token_endpoint_auth_method": "tls_client_auth"}
BESIDE: dict[str, JsonObject] = {
    "tls_client_auth_subject": TLS,
    "tls_client_auth_san": TLS,
    "backchannel_token_delivery": {
        "grant_types": ["authorization_code", "urn:openid:params:grant-type:ciba"]
    },
}


@each("row", [row for row in ROWS if row.example is not None])
def test_examples_are_registered_as_they_are(row: Parameter) -> None:
    beside = BESIDE.get(row.name.rpartition("_")[0], {})
    submission = MINIMAL | beside | {row.name: row.example}
    assert validate(submission, TERMS).members[row.name] == row.example


@each("row", [row for row in ROWS if row.default is not None])
def test_defaults_are_values_of_their_row(row: Parameter) -> None:
    assert judged(row, row.default) == row.default


def test_rows_are_found_by_their_name_and_apart_from_the_server_s() -> None:
    assert all(name == row.name for name, row in PARAMETERS.items())
    assert not SERVER_ASSIGNED.keys() & PARAMETERS.keys()
    assert next(iter(PARAMETERS)) == "redirect_uris"  # its error code decides


@requirement("R7591-2.2-01")
def test_what_people_read_is_localizable() -> None:
    assert [row.name for row in ROWS if row.localizable] == [
        "client_name",
        "client_uri",
        "logo_uri",
        "tos_uri",
        "policy_uri",
        "organization_name",
        "display_name",
        "description",
        "keywords",
        "information_uri",
        "organization_uri",
    ]


def test_every_bound_is_known_to_the_server_that_supports_everything() -> None:
    bounds = {row.bounded_by for row in ROWS} - {None}
    features = {name for row in ROWS for name in (*row.features, row.forced_by) if name}
    server_wide = {row.forced_by for row in ROWS} - {None}
    assert bounds | features == {*EVERYTHING, *FEATURES} | {
        *server_wide,
        "request_uri_parameter_supported",
    }
    assert all(row.is_known_to(TERMS.server) for row in ROWS)


# ---- texts ---------------------------------------------------------------------------------

CLIENT_NAME = PARAMETERS["client_name"]


@requirement("POL-20")
@each("row", rows_of(kinds.TEXT))
@each("character", ["x", "\u65e5", "\U0001f600"])
def test_texts_are_bounded_by_code_points(row: Parameter, character: str) -> None:
    assert judged(row, character * 256) == character * 256
    assert refusal(row, character * 257) == "must not be longer than 256 characters"
    assert refusal(row, "xx", terms(text={"max_length": 1})) == (
        "must not be longer than 1 characters"
    )


@requirement("POL-20")
@each("row", rows_of(kinds.TEXT))
@each("character", ["\0", "\n", "\x7f", "\u202e", "\u2066", "\u2028"])
def test_texts_hold_no_hostile_character(row: Parameter, character: str) -> None:
    text = f"must not hold the character U+{ord(character):04X}"
    assert refusal(row, f"a{character}b") == text


@requirement("R7591-2.2-02", "OIDR-6-01")
@each("text", ["e\u0301", "\u00e9", " x ", "<b>", "\u05d0\u200f", "\u212b"])
def test_texts_are_kept_code_point_for_code_point(text: str) -> None:
    assert judged(CLIENT_NAME, text) == text


@requirement("R7591-2-12")
@each("row", rows_of(kinds.TEXTS))
def test_lists_of_text_are_bounded(row: Parameter) -> None:
    values: list[JsonValue] = [f"v{number}" for number in range(50)]
    assert judged(row, values) == values
    assert refusal(row, [*values, "x"]) == "must not have more than 50 elements"
    assert refusal(row, ["a", "b"], terms(array={"max_count": 1})) == (
        "must not have more than 1 elements"
    )
    assert judged(row, ["x" * 256]) == ["x" * 256]
    assert refusal(row, ["a", "x" * 257]) == "element 1 must not be longer than 256 characters"
    assert refusal(row, ["\n", "a", "\t"]) == (
        "element 0 must not hold the character U+000A, element 2 must not hold the character U+0009"
    )
    assert judged(row, ["b", "a", "b"]) == ["b", "a", "b"]  # an order of preference


# ---- numbers and booleans ------------------------------------------------------------------


@requirement("OIDR-2-29")
@each("row", rows_of(kinds.SECONDS))
def test_seconds(row: Parameter) -> None:
    for value in (0, 1, 3600, 2**53 - 1):
        assert judged(row, value) == value
    for wrong in (-1, 1.5, 1.0, True, False, "1", 2**53, 10**300, None):
        assert refusal(row, wrong) == "must be a non-negative integer"


@requirement("OIDR-2-30")
@each("row", rows_of(kinds.BOOLEAN))
def test_booleans(row: Parameter) -> None:
    assert judged(row, value=True) is True
    assert judged(row, value=False) is False
    for wrong in (0, 1, "true", "false", "", None, [True]):
        assert refusal(row, wrong) == "must be true or false"


# ---- scope ---------------------------------------------------------------------------------

SCOPE = PARAMETERS["scope"]
ANY_SCOPE = Terms()  # a server that tells no scopes sets no bound


@requirement("R7591-2-11")
@each(
    "value, kept",
    [
        ("a", "a"),
        ("a b", "a b"),
        ("b a b", "b a"),
        ("https://a.example/x:y!#$%&'()*+,-./", "https://a.example/x:y!#$%&'()*+,-./"),
        ("[x]{y}|~", "[x]{y}|~"),
    ],
)
def test_scopes(value: str, kept: str) -> None:
    assert judged(SCOPE, value, ANY_SCOPE) == kept


@requirement("R7591-2-11")
@each(
    "value", [" ", " a", "a ", "a  b", "a\tb", "a\nb", 'a"b', "a\\b", "\u00e9", "a\x7f", "a\u00a0b"]
)
def test_scope_syntax(value: str) -> None:
    """RFC 6749 3.3."""
    for judged_by in (ANY_SCOPE, TERMS):
        text = refusal(SCOPE, value, judged_by)
        assert text == "must be scope tokens separated by single spaces"


@requirement("POL-46", "R7591-2-17")
def test_unknown_scopes_are_dropped() -> None:
    assert judged(SCOPE, "x email openid y") == "email openid"
    assert validate(MINIMAL | {"scope": "x openid"}, TERMS).members["scope"] == "openid"


@requirement("POL-46")
@each("value", ["x", "x y", "OpenID"])
def test_without_a_known_scope_the_member_is_left_out(value: str) -> None:
    assert judged(SCOPE, value) is None
    assert "scope" not in validate(MINIMAL | {"scope": value}, TERMS).members


@requirement("POL-46")
def test_unknown_scopes_can_be_refused() -> None:
    strict = terms(scope={"unknown": "reject"})
    assert judged(SCOPE, "email openid", strict) == "email openid"
    assert refusal(SCOPE, "openid x", strict) == (
        "must only hold scopes of this server: openid, profile, email, offline_access"
    )
    none = terms(scope={"unknown": "reject"}, supported={"scopes_supported": ()})
    assert refusal(SCOPE, "openid", none) == "must only hold scopes of this server: "


# ---- choices and names ---------------------------------------------------------------------

CHOICES = [row for row in ROWS if row.kind.name == "choice"]
VALUES = [
    (row, value)
    for row in CHOICES
    for value in row.kind.schema["enum"]  # type: ignore[union-attr]
]
BOUNDED = [row for row in ROWS if row.bounded_by and row.kind.name in {"choice", "name"}]


@each("row, value", VALUES)
def test_each_choice_is_kept(row: Parameter, value: str) -> None:
    assert judged(row, value) == value


@requirement("R7591-2-19")
@each("row, value", VALUES)
def test_choices_are_spelled_exactly(row: Parameter, value: str) -> None:
    for wrong in {value.swapcase(), f"{value} ", f" {value}", f"{value}\n"} - {value}:
        assert refusal(row, wrong).startswith("must be one of: ")


@requirement("OIDR-2-27")
def test_which_algorithms_are_choices() -> None:
    enum = {row.name: row.kind.schema["enum"] for row in CHOICES}
    signing = {"none", *algorithms.SIGNATURE, *algorithms.MAC}
    for name in ("id_token_signed_response_alg", "userinfo_signed_response_alg"):
        assert set(enum[name]) == signing  # type: ignore[arg-type]
    assert set(enum["token_endpoint_auth_signing_alg"]) == signing - {"none"}  # type: ignore[arg-type]


@requirement("OIDR-2-27")
def test_client_assertions_are_always_signed() -> None:
    row = PARAMETERS["token_endpoint_auth_signing_alg"]
    assert refusal(row, "none").startswith("must be one of: RS256, ")


@requirement("OIDR-2-19")
@each("value", ["ephemeral", "Public", "public pairwise"])
def test_subject_types(value: str) -> None:
    assert refusal(PARAMETERS["subject_type"], value) == "must be one of: public, pairwise"


def two_values(row: Parameter) -> tuple[str, str]:
    values = row.kind.schema.get("enum", EVERYTHING[str(row.bounded_by)])
    first, second, *_ = values  # type: ignore[misc]
    return str(first), str(second)


@requirement("POL-33", "R7591-2-17", "OIDD-7-01")
@each("row", BOUNDED)
def test_what_the_server_lacks_is_refused(row: Parameter) -> None:
    first, second = two_values(row)
    only = terms(supported={str(row.bounded_by): (second,)})
    assert judged(row, second, only) == second
    assert refusal(row, first, only) == f"must be one that this server supports: {second}"
    nothing = terms(supported={str(row.bounded_by): ()})
    assert refusal(row, first, nothing) == "must be one that this server supports: (none)"


@requirement("POL-33", "R7591-2-17", "R7592-2.2-13", "OIDR-3.2-02")
@each("row", BOUNDED)
def test_what_the_server_lacks_can_be_substituted(row: Parameter) -> None:
    first, second = two_values(row)
    substitute = {"unsupported": "substitute"}
    only = terms(supported={str(row.bounded_by): (second,)}, algorithms=substitute)
    assert judged(row, first, only) == second
    both = terms(supported={str(row.bounded_by): (second, first)}, algorithms=substitute)
    assert judged(row, first, both) == first
    nothing = terms(supported={str(row.bounded_by): ()}, algorithms=substitute)
    assert refusal(row, first, nothing) == "must be one that this server supports: (none)"


@each("row", BOUNDED)
def test_a_silent_server_sets_no_bound(row: Parameter) -> None:
    first, _ = two_values(row)
    assert judged(row, first, Terms()) == first


@requirement("R7591-2-05", "R7591-2-19")
@each("value", ["https://a.example/method", "None", "client_secret_basic "])
def test_authentication_methods_are_the_server_s(value: str) -> None:
    row = PARAMETERS["token_endpoint_auth_method"]
    assert refusal(row, value).startswith("must be one that this server supports: client_secret_")
    known = terms(supported={"token_endpoint_auth_methods_supported": (value,)})
    assert judged(row, value, known) == value


# ---- grant and response types --------------------------------------------------------------

GRANTS = PARAMETERS["grant_types"]
RESPONSES = PARAMETERS["response_types"]
CODE_ONLY = {
    "grant_types_supported": ("authorization_code", "refresh_token"),
    "response_types_supported": ("code",),
}
REJECT = {"unsupported": "reject"}


@requirement("R7591-2-08", "POL-23")
def test_grant_types_are_kept_verbatim_and_once() -> None:
    urn = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert judged(GRANTS, [urn, "authorization_code", urn]) == [urn, "authorization_code"]


@requirement("POL-30", "R7591-2-17")
def test_unsupported_grant_types_are_trimmed() -> None:
    less = terms(supported=CODE_ONLY)
    wanted: JsonValue = ["implicit", "refresh_token", "password", "authorization_code"]
    assert judged(GRANTS, wanted, less) == ["refresh_token", "authorization_code"]
    text = "must only hold what this server supports: authorization_code, refresh_token"
    assert refusal(GRANTS, ["implicit"], less) == text
    assert refusal(GRANTS, ["Authorization_Code"], less) == text


@requirement("POL-30", "R7591-3.2.2-06")
def test_unsupported_grant_types_can_be_refused() -> None:
    less = terms(supported=CODE_ONLY, grants=REJECT)
    both: JsonValue = ["authorization_code", "refresh_token"]
    assert judged(GRANTS, both, less) == both
    assert judged(GRANTS, ["refresh_token", "refresh_token"], less) == ["refresh_token"]
    assert refusal(GRANTS, ["authorization_code", "implicit"], less) == (
        "must only hold what this server supports: authorization_code, refresh_token"
    )


@requirement("POL-23")
@each(
    "value, kept",
    [
        (["code"], ["code"]),
        (["id_token code"], ["code id_token"]),
        (["token id_token code"], ["code id_token token"]),
        (["token id_token", "id_token token"], ["id_token token"]),
        (["code", "token", "code"], ["code", "token"]),
        ([], []),
    ],
)
def test_response_types_are_sets_of_words(value: JsonValue, kept: JsonValue) -> None:
    """RFC 6749 3.1.1."""
    assert judged(RESPONSES, value) == kept
    assert judged(RESPONSES, value, terms(grants=REJECT)) == kept


@each(
    "text, canonical",
    [
        ("id_token vp_token", "vp_token id_token"),
        ("none", "none"),
        ("x token", "token x"),
        ("b a code", "code b a"),
    ],
)
def test_words_have_the_order_of_the_specifications(text: str, canonical: str) -> None:
    assert canonical_response_type(text) == canonical


@requirement("R7591-2-19")
@each("value", ["CODE", "code code", "code  token", " code", "", "code,token"])
def test_response_types_are_spelled_exactly(value: str) -> None:
    assert refusal(RESPONSES, [value]).startswith("must only hold what this server supports: code")


@requirement("POL-30", "R7591-2-17")
def test_unsupported_response_types_are_trimmed_or_refused() -> None:
    wanted: JsonValue = ["token", "code", "id_token code"]
    assert judged(RESPONSES, wanted, terms(supported=CODE_ONLY)) == ["code"]
    text = "must only hold what this server supports: code"
    assert refusal(RESPONSES, wanted, terms(supported=CODE_ONLY, grants=REJECT)) == text
    assert refusal(RESPONSES, ["token"], terms(supported=CODE_ONLY)) == text


@requirement("OIDD-7-01")
def test_the_server_s_own_order_of_words_does_not_matter() -> None:
    """RFC 6749 3.1.1: what it advertises as 'token id_token' can be registered."""
    server = terms(supported={"response_types_supported": ("token id_token", "id_token code")})
    assert judged(RESPONSES, ["token id_token"], server) == ["id_token token"]
    assert judged(RESPONSES, ["code id_token"], server) == ["code id_token"]


@each("row", [GRANTS, RESPONSES])
def test_names_without_a_bound(row: Parameter) -> None:
    assert judged(row, ["b", "a", "b"], Terms()) == ["b", "a"]
    many: JsonValue = [f"v{number}" for number in range(50)]
    assert judged(row, many, Terms()) == many
    assert refusal(row, [*many, "x"], Terms()) == "must not have more than 50 elements"


# ---- URLs ----------------------------------------------------------------------------------

URL_KINDS = (kinds.DISPLAY_URI, kinds.PAGE_URI, kinds.HTTPS_URI, kinds.FETCHED_URI)
NO_URL = [
    "not a url", "/x", "//a.example/", "a.example", "https://", "https:///x", "https://a b/",
    "https://\u00e9.example/", "https://a.example/../x", "https://a.example/%00", "https://[::1/",
    "https://a.example:0/", "https://127.1/", "https://xn--a.example/", "https://a\\b/",
]  # fmt: skip
OTHER_SCHEMES = [
    "javascript:alert(1)", "JavaScript://a.example/", "data:text/html,x", "ftp://a.example/",
    "urn:x:y", "com.example.app://a/b", "https:a.example", "https:/a.example", "mailto:a@b.example",
]  # fmt: skip


@requirement("R7591-2-10", "OIDR-2-12", "OIDR-2-17", "OIDR-2-31", "R7591-5-08")
@each("row", rows_of(*URL_KINDS))
def test_urls(row: Parameter) -> None:
    for good in ("https://a.example", "HTTPS://A.example:8443/x?y", "https://93.184.216.34/"):
        assert judged(row, good) == good
    for wrong in NO_URL:
        assert refusal(row, wrong)
    for wrong in [*OTHER_SCHEMES, "http://a.example/"]:
        assert refusal(row, wrong) == "must be an https URL"
    if row.kind is not kinds.PAGE_URI:  # there a rule decides
        assert refusal(row, "http://127.0.0.1/") == "must be an https URL"
    assert refusal(row, "https://u:p@a.example/") == "must not hold user information"


@each("row", rows_of(*URL_KINDS))
def test_urls_are_bounded(row: Parameter) -> None:
    longest = "https://a.example/".ljust(2000, "x")
    assert judged(row, longest) == longest
    assert refusal(row, f"{longest}x") == "must not be longer than 2000 characters"


@requirement("POL-22")
@each("row", rows_of(kinds.DISPLAY_URI, kinds.PAGE_URI))
def test_pages_for_people_may_use_http_by_choice(row: Parameter) -> None:
    loose = terms(uris={"require_https_display": False})
    for good in ("http://a.example/", "https://a.example/#top"):
        assert judged(row, good, loose) == good
    for wrong in OTHER_SCHEMES:
        assert refusal(row, wrong, loose) == "must be an https URL"


@requirement("POL-22", "OIDR-2-12", "OIDR-2-17", "OIDR-2-31")
@each("row", rows_of(kinds.HTTPS_URI, kinds.FETCHED_URI))
def test_that_choice_is_for_no_other_url(row: Parameter) -> None:
    loose = terms(uris={"require_https_display": False})
    assert refusal(row, "http://a.example/", loose) == "must be an https URL"


@requirement("POL-49")
def test_which_urls_may_be_read_by_somebody() -> None:
    """The flag of the row and the checks of its kind belong together."""
    flagged = [row.name for row in ROWS if row.fetched]
    assert {row.name for row in ROWS if row.kind is kinds.FETCHED_URI} <= set(flagged)
    assert flagged == [
        "logo_uri",
        "jwks_uri",
        "sector_identifier_uri",
        "request_uris",
        "backchannel_logout_uri",
        "backchannel_client_notification_endpoint",
        "signed_jwks_uri",
    ]


@requirement("FED-5.2.1-01", "CIBA-4-03")
@each("row", rows_of(kinds.FETCHED_URI))
def test_what_is_read_by_a_server_is_https(row: Parameter) -> None:
    assert refusal(row, "http://a.example/") == "must be an https URL"


@requirement("POL-49")
@each("name", ["logo_uri", "request_uris"])
def test_what_the_authorization_server_may_read_is_not_local(name: str) -> None:
    for bad in ("https://localhost/x", "https://169.254.169.254/x"):
        value: JsonValue = [bad] if name == "request_uris" else bad
        assert refusal(PARAMETERS[name], value).endswith("local or special-purpose address")


LOCAL = [
    "https://localhost/x", "https://LOCALHOST:443/x", "https://a.localhost/", "https://x.local/",
    "https://x.internal/", "https://router.home.arpa/", "https://127.0.0.1/", "https://127.0.0.1:1/",
    "https://10.0.0.1/", "https://169.254.169.254/latest", "https://192.168.1.1/", "https://[::1]/",
    "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/", "https://[2002:a00:1::]/",
    "https://[fe80::1]/", "https://[fd00::1]/", "https://224.0.0.1/", "https://[ff02::1]/",
]  # fmt: skip


@requirement("POL-49")
@each("row", rows_of(kinds.FETCHED_URI))
@each("value", LOCAL)
def test_what_is_fetched_is_not_local(row: Parameter, value: str) -> None:
    text = "must not point to a local or special-purpose address"
    assert refusal(row, value) == text


@requirement("POL-49")
@each("row", rows_of(kinds.FETCHED_URI))
def test_the_operator_s_exceptions_are_by_host_and_port(row: Parameter) -> None:
    allowing = terms(allowed_hosts=frozenset({"127.0.0.1:8443", "a.localhost:443", "[::1]:443"}))
    for good in ("https://127.0.0.1:8443/x", "https://a.localhost/", "https://[0:0::1]/"):
        assert judged(row, good, allowing) == good
    for wrong in ("https://127.0.0.1/", "https://a.localhost:8443/", "https://b.localhost/"):
        assert "special-purpose" in refusal(row, wrong, allowing)


@each("row", rows_of(kinds.FETCHED_URI))
@each("value", ["https://a.example/#", "https://a.example/x#y"])
def test_what_is_fetched_has_no_fragment(row: Parameter, value: str) -> None:
    assert refusal(row, value) == "must not hold a fragment"


@each("row", rows_of(kinds.DISPLAY_URI, kinds.HTTPS_URI))
def test_what_is_not_fetched_may_be_local(row: Parameter) -> None:
    for good in ("https://localhost/x", "https://127.0.0.1/#x"):
        assert row.fetched or judged(row, good) == good


REQUEST_URIS = PARAMETERS["request_uris"]


@requirement("OIDR-2-32")
def test_request_uris() -> None:
    good: JsonValue = [
        "https://a.example/ro.jwt#abc",
        "https://a.example/ro.jwt",
        "http://b.example",
    ]
    assert judged(REQUEST_URIS, good) == good
    for wrong in NO_URL:
        assert refusal(REQUEST_URIS, ["https://a.example/", wrong])
    for wrong in OTHER_SCHEMES:
        assert refusal(REQUEST_URIS, [wrong]) == "element 0 must be an https URL"
    assert refusal(REQUEST_URIS, ["https://a.example/", "https://u@a.example/"]) == (
        "element 1 must not hold user information"
    )


def test_request_uris_are_bounded() -> None:
    many: JsonValue = [f"https://a.example/{number}" for number in range(50)]
    assert judged(REQUEST_URIS, many) == many
    assert refusal(REQUEST_URIS, [*many, "https://a.example/"]) == (
        "must not have more than 50 elements"
    )
    longest = "https://a.example/".ljust(2000, "x")
    assert refusal(REQUEST_URIS, [f"{longest}x"]) == (
        "element 0 must not be longer than 2000 characters"
    )


# ---- redirection URIs and keys -------------------------------------------------------------


@requirement("POL-15")
def test_redirect_uris_have_a_bound_of_their_own() -> None:
    row = PARAMETERS["redirect_uris"]
    many: JsonValue = [f"https://a.example/{number}" for number in range(3)]
    narrow = terms(array={"max_count": 1}, redirect={"max_count": 3})
    assert judged(row, many, narrow) == many
    assert refusal(row, [*many, "https://a.example/"], narrow) == (
        "must not have more than 3 elements"
    )


@requirement("R7591-3.2.2-05")
def test_a_bad_redirect_uri_is_told_by_its_position() -> None:
    found = issues_of({"redirect_uris": ["https://a.example/", "https://a.example/#"]})
    assert found == [
        Issue(
            "redirect_uris", "element 1 holds a fragment", "CF-01", "RFC 7591 2", InvalidRedirectUri
        )
    ]


@requirement("POL-34")
def test_keys_by_value_are_checked_by_the_policy() -> None:
    row = PARAMETERS["jwks"]
    value: JsonValue = {"keys": [{"kty": "AKP"}, {"kty": "AKP"}]}
    assert judged(row, value) is value
    assert refusal(row, value, terms(jwks={"max_keys": 1})) == "must not have more than 1 keys"
