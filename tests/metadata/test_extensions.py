"""Members of other specifications: their values, what the server can do, and what is chosen."""

from __future__ import annotations

from typing import Any

import pytest

from dcrserver.errors import InvalidClientMetadata, InvalidRedirectUri
from dcrserver.metadata import PARAMETERS, Kind, Terms, kinds
from dcrserver.metadata.capabilities import capabilities_of
from dcrserver.metadata.model import Unacceptable
from dcrserver.strict_json import JsonObject, JsonValue
from harness.cases import each
from metadata.support import CALLBACK, MINIMAL, TERMS, issues_of, terms, texts_of, validate_by

requirement = pytest.mark.requirement


def judged(kind: Kind, value: JsonValue) -> JsonValue:
    row = next(row for row in PARAMETERS.values() if row.kind is kind)
    return kind.check(value, TERMS, row)


# ---- values --------------------------------------------------------------------------------


@requirement("R8705-2.1.2-01")
@each(
    "value",
    [
        "CN=client",
        "CN=client,O=Example",
        "CN=client, O=Example",
        "UID=1+CN=x,DC=example,DC=org",
        "2.5.4.97=OFBBR-d7384bd0,CN=a.example,C=BR",
        "1.3.6.1.4.1.311.60.2.1.3=#13024252,CN=x",
        r"CN=Smith\, John,O=A\+B\=C",
        r"CN=Before\0DAfter",
        r"CN=\#hash,O=\ lead",
        "CN=Lu\u010di\u0107",
        "CN=a=b",
        "O=" + "x" * 254,
    ],
)
def test_distinguished_names(value: str) -> None:
    assert judged(kinds.DISTINGUISHED_NAME, value) == value


@requirement("R8705-2.1.2-01")
@each(
    "value",
    [
        "client", "=client", "CN", "CN=", "CN=client,", ",CN=client", "CN=client;O=x", "CN=a,,O=b",
        "CN=#zz", "CN=#1", "CN=#", r"CN=a\q", "CN=a\\", 'CN="a"', "CN=<a>", "1.=x", ".1=x", "-a=x",
        "CN=a,  O=b", "CN=a ,O", "CN=a+", "CN=a\nO=b", "CN=a+,O=b", "O=" + "x" * 255, "",
    ],
)  # fmt: skip
def test_what_is_no_distinguished_name(value: str) -> None:
    with pytest.raises(Unacceptable):
        judged(kinds.DISTINGUISHED_NAME, value)


@requirement("R8705-2.1.2-01")
@each(
    "kind, good, bad",
    [
        (
            kinds.DNS_NAME,
            ["a.example", "A.Example", "xn--bcher-kva.example", "localhost", "a-b.c1"],
            ["", "a..b", "-a.b", "a_b.c", "*.a.example", "a.example.", "1.2.3.4", "1.2.3.256",
             "b\u00fccher.example", "a b", "a/b", "a:1", "xn--\u00e4.example", "a.1"],
        ),
        (
            kinds.IP_ADDRESS,
            ["192.0.2.7", "::1", "0:0:0:0:0:0:0:1", "2001:DB8::1", "::ffff:192.0.2.1"],
            ["", "999.1.1.1", "1.2.3", "01.2.3.4", "fe80::1%eth0", "[::1]", "a.example", "::g"],
        ),
        (
            kinds.EMAIL,
            ["client@example.org", "a.b+c@x.example", "o'neil@example.org"],
            ["", "client", "@example.org", "client@", "a@b@c.example", "a b@c.example",
             "a@-b.example", "a@1.2.3.4", "a@exa_mple.org", '"a"@example.org'],
        ),
        (
            kinds.URI,
            ["https://client.example.org/id", "urn:example:client", "spiffe://a.example/x"],
            ["", "client", "/x", "https://a b/", "https://a.example/\\", "x" * 2001],
        ),
    ],
)  # fmt: skip
def test_names_in_certificates(kind: Kind, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert judged(kind, value) == value
    for value in bad:
        with pytest.raises(Unacceptable):
            judged(kind, value)


@requirement("VP-11.1-01")
def test_credential_formats() -> None:
    for good in ({}, {"dc+sd-jwt": {}}, {"mso_mdoc": {"alg": ["ES256"]}, "x": {}}):
        assert judged(kinds.FORMATS, good) == good
    for bad in ("dc+sd-jwt", [], None, {"dc+sd-jwt": []}, {"a": {}, "b": "c"}):
        with pytest.raises(Unacceptable, match=r"^must be a JSON object"):
            judged(kinds.FORMATS, bad)


@requirement("VP-5.1-01")
def test_content_encryption_that_a_verifier_reads() -> None:
    name = "encrypted_response_enc_values_supported"
    sent: JsonValue = ["A256GCM", "A128GCM", "A256GCM"]
    assert validate_by(MINIMAL | {name: sent}, TERMS)[name] == ["A256GCM", "A128GCM"]
    for bad in ([], ["A256GCM", "none"], ["a128gcm"]):
        assert texts_of(MINIMAL | {name: bad})[0].startswith(
            f"{name} must be a non-empty array of: A128CBC-HS256, "
        )


@requirement("R9396-10-01")
def test_types_of_authorization_details() -> None:
    name = "authorization_details_types"
    sent: JsonValue = ["payment_initiation", "account_information", "payment_initiation"]
    assert validate_by(MINIMAL | {name: sent}, TERMS)[name] == sent[:2]
    # Nothing is left out here, whatever the policy says of grant types.
    for how in ("trim", "reject"):
        told = texts_of(
            MINIMAL | {name: ["payment_initiation", "teleport"]}, terms(grants={"unsupported": how})
        )
        assert told == [
            (
                f"{name} must only hold what this server supports:"
                " payment_initiation, account_information"
            )
        ]


@requirement("JARM-3-01", "R9701-6-01", "CIBA-4-04")
@each(
    "name, bad",
    [
        ("authorization_signed_response_alg", ["none", "HS1"]),
        ("introspection_signed_response_alg", ["none", "rs256"]),
        ("backchannel_authentication_request_signing_alg", ["none", "HS256"]),
        ("token_endpoint_auth_signing_alg", ["none"]),
    ],
)
def test_where_none_is_no_algorithm(name: str, bad: list[str]) -> None:
    for value in bad:
        assert texts_of(MINIMAL | {name: value})[0].startswith(f"{name} must be one of: RS256")


@requirement("R9701-6-02", "JARM-3-02")
@each(
    "stem",
    ["introspection_encrypted_response", "authorization_encrypted_response",
     "nfv_token_encrypted_response", "id_token_encrypted_response"],
)  # fmt: skip
def test_content_encryption_has_its_default(stem: str) -> None:
    keys: JsonObject = {"jwks_uri": "https://client.example.org/jwks"}
    made = validate_by(MINIMAL | keys | {f"{stem}_alg": "RSA-OAEP"}, TERMS)
    assert made[f"{stem}_enc"] == "A128CBC-HS256"
    alone = texts_of(MINIMAL | {f"{stem}_enc": "A256GCM"})
    assert alone == [f"{stem}_enc needs {stem}_alg beside it"]


def test_claims_redirect_uris_are_not_redirect_uris() -> None:
    (issue,) = issues_of(MINIMAL | {"claims_redirect_uris": ["https://a.example/#"]})
    assert issue.text == "claims_redirect_uris element 0 holds a fragment"
    assert issue.error is InvalidClientMetadata


# ---- what the server can do ----------------------------------------------------------------

DEMANDS = [row.name for row in PARAMETERS.values() if row.demand]
OFFERS = [row for row in PARAMETERS.values() if row.features and not row.demand]
NOTHING = Terms(server=capabilities_of({}))


@requirement("POL-33", "R9449-5.2-01", "R9126-6-01", "R9101-10.5-01", "R8705-3.4-01")
@each("name", DEMANDS)
def test_a_demand_that_cannot_be_met_is_refused(name: str) -> None:
    assert texts_of(MINIMAL | {name: True}, NOTHING) == [
        f"{name} asks for something that this server does not support"
    ]
    assert name not in validate_by(MINIMAL | {name: False}, NOTHING)
    dropping = terms_of_nothing(extensions={"unsupported_demands": "drop"})
    assert name not in validate_by(MINIMAL | {name: True}, dropping)
    assert texts_of(MINIMAL | {name: "true"}, dropping) == [f"{name} must be true or false"]
    assert validate_by(MINIMAL | {name: True}, TERMS)[name] is True


def terms_of_nothing(**groups: Any) -> Terms:
    return Terms(policy=terms(**groups).policy, server=capabilities_of({}))


@requirement("POL-33", "R7591-2-16")
@each("row", OFFERS)
def test_an_offer_that_the_server_has_no_use_for_is_left_out(row: Any) -> None:
    value = True if row.default is False else row.example or row.kind.schema["enum"][0]
    assert row.name not in validate_by(MINIMAL | {row.name: value}, NOTHING)
    refusing = terms_of_nothing(extensions={"unsupported": "reject"})
    assert f"{row.name} asks for something that this server does not support" in texts_of(
        MINIMAL | {row.name: value}, refusing
    )
    assert texts_of(MINIMAL | {row.name: 1.5}, NOTHING)[0].startswith(f"{row.name} must be ")


@requirement("R9126-6-01", "R9101-10.5-01")
@each("name", ["require_pushed_authorization_requests", "require_signed_request_object"])
def test_what_the_server_demands_of_all_is_registered_so(name: str) -> None:
    judged_by = Terms(server=capabilities_of({name: True}))
    for sent in ({}, {name: False}, {name: True}, {name: None}):
        assert validate_by(MINIMAL | sent, judged_by)[name] is True
    assert texts_of(MINIMAL | {name: 1}, judged_by) == [f"{name} must be true or false"]


# ---- RP Metadata Choices -------------------------------------------------------------------


@requirement("RPMC-2-01", "RPMC-4-01")
@each(
    "sent, chosen",
    [
        ({"id_token_signing_alg_values_supported": ["ES256", "RS256"]},
         {"id_token_signed_response_alg": "RS256"}),  # the server's order
        ({"id_token_signing_alg_values_supported": ["x", "PS512"]},
         {"id_token_signed_response_alg": "PS512"}),
        ({"id_token_signing_alg_values_supported": ["ES256", "RS256"],
          "id_token_signed_response_alg": "ES256"}, {"id_token_signed_response_alg": "ES256"}),
        ({"subject_types_supported": ["pairwise", "public"]}, {"subject_type": "public"}),
        ({"token_endpoint_auth_methods_supported": ["none", "client_secret_post"]},
         {"token_endpoint_auth_method": "client_secret_post"}),
        ({"token_endpoint_auth_signing_alg_values_supported": ["ES256"]},
         {"token_endpoint_auth_signing_alg": None}),
        ({"token_endpoint_auth_signing_alg_values_supported": ["ES256", "HS256"],
          "token_endpoint_auth_method": "client_secret_jwt"},
         {"token_endpoint_auth_signing_alg": "HS256"}),
        ({"userinfo_encryption_enc_values_supported": ["A256GCM"]},
         {"userinfo_encrypted_response_enc": None}),
        ({"request_object_encryption_enc_values_supported": ["A256GCM"],
          "request_object_encryption_alg": "RSA-OAEP"},
         {"request_object_encryption_enc": "A256GCM"}),
        ({"request_object_encryption_enc_values_supported": ["A256GCM"],
          "request_object_encryption_alg_values_supported": ["dir", "RSA-OAEP"]},
         {"request_object_encryption_enc": "A256GCM", "request_object_encryption_alg": "RSA-OAEP"}),
    ],
)  # fmt: skip
def test_one_of_the_possibilities_is_registered(sent: JsonObject, chosen: JsonObject) -> None:
    made = validate_by(MINIMAL | sent, TERMS)
    assert {name: made.get(name) for name in chosen} == chosen
    assert not {row.name for row in PARAMETERS.values() if row.chooses} & set(made)


@requirement("RPMC-2-02", "RPMC-4-01")
@each(
    "sent, told",
    [
        (
            {"id_token_signing_alg_values_supported": ["ES256"]}
            | {"id_token_signed_response_alg": "RS256"},
            "id_token_signed_response_alg must be one of id_token_signing_alg_values_supported",
        ),
        (
            {"subject_types_supported": ["secret"]},
            "subject_types_supported holds nothing that this server supports: public, pairwise",
        ),
        (
            {"subject_types_supported": []},
            "subject_types_supported must be a non-empty array of strings",
        ),
        (
            {"subject_types_supported": "public"},
            "subject_types_supported must be an array of strings",
        ),
    ],
)
def test_possibilities_that_do_not_meet(sent: JsonObject, told: str) -> None:
    assert texts_of(MINIMAL | sent) == [told]


@requirement("RPMC-4-01")
def test_choices_where_the_server_names_no_list() -> None:
    """Then the client's order counts, among what exists."""
    judged_by = terms_of_nothing()
    sent: JsonObject = {"userinfo_signing_alg_values_supported": ["x", "ES384", "RS256"]}
    assert validate_by(MINIMAL | sent, judged_by)["userinfo_signed_response_alg"] == "ES384"
    assert texts_of(MINIMAL | {"userinfo_signing_alg_values_supported": ["x"]}, judged_by) == [
        "userinfo_signing_alg_values_supported holds nothing that this server supports"
    ]
    # A list about something that the server does not do at all is left out with it.
    jarm: JsonObject = {"authorization_signing_alg_values_supported": ["ES256"]}
    assert "authorization_signed_response_alg" not in validate_by(MINIMAL | jarm, judged_by)


@requirement("RPMC-2-02", "POL-33")
def test_a_choice_is_never_a_substitute() -> None:
    judged_by = terms(
        algorithms={"unsupported": "substitute"},
        supported={"id_token_signing_alg_values_supported": ("ES256",)},
    )
    sent: JsonObject = {"id_token_signing_alg_values_supported": ["RS512"]}
    assert texts_of(MINIMAL | sent, judged_by) == [
        "id_token_signing_alg_values_supported holds nothing that this server supports: ES256"
    ]


def test_a_bad_single_value_is_told_once() -> None:
    sent: JsonObject = {"id_token_signing_alg_values_supported": ["ES256"]}
    told = texts_of(MINIMAL | sent | {"id_token_signed_response_alg": 1})
    assert told == ["id_token_signed_response_alg must be a string"]


# ---- choices of the operator ---------------------------------------------------------------


@requirement("POL-36")
def test_stray_subject_parameters_can_be_ignored() -> None:
    judged_by = terms(mtls={"stray_subject_params": "ignore"})
    made = validate_by(MINIMAL | {"tls_client_auth_san_dns": "a.example"}, judged_by)
    assert "tls_client_auth_san_dns" not in made
    kept = MINIMAL | {"tls_client_auth_san_dns": "a.example"}
    kept |= {"token_endpoint_auth_method": "tls_client_auth"}
    assert validate_by(kept, judged_by)["tls_client_auth_san_dns"] == "a.example"


@requirement("POL-23")
def test_repeated_grant_types_can_be_refused() -> None:
    judged_by = terms(array={"duplicates": "reject"})
    twice = MINIMAL | {"grant_types": ["authorization_code", "authorization_code"]}
    assert texts_of(twice, judged_by) == ["grant_types must not name a value twice"]
    words = MINIMAL | {"response_types": ["code", "code"]}
    assert texts_of(words, judged_by) == ["response_types must not name a value twice"]


@requirement("POL-21", "R7591-2.2-04")
def test_of_two_spellings_of_a_tag_one_can_count() -> None:
    judged_by = terms(languages={"case_duplicates": "first"})
    both: JsonObject = {"client_name#fr": "a", "client_name#FR": "b", "client_name": "c"}
    for submission in (both, dict(reversed(both.items()))):
        made = validate_by(MINIMAL | submission, judged_by)
        assert {name: made.get(name) for name in both} == both | {"client_name#fr": None}


@requirement("UKOB-05")
def test_members_can_be_required() -> None:
    judged_by = terms(registration={"required": ["client_name", "redirect_uris", "x_own"]})
    found = issues_of({"client_name": 1, "grant_types": ["client_credentials"]}, judged_by)
    assert [issue.text for issue in found] == [
        "client_name must be a string",
        "redirect_uris is required",
        "x_own is required",
    ]
    assert [issue.error for issue in found] == [
        InvalidClientMetadata,
        InvalidRedirectUri,
        InvalidClientMetadata,
    ]
    assert {issue.requirement for issue in found[1:]} == {"required"}


def test_other_names_of_members() -> None:
    judged_by = terms(registration={"member_aliases": {"name": "client_name", "y": "no_such"}})
    assert validate_by(MINIMAL | {"name": "A", "y": 1}, judged_by)["client_name"] == "A"
    both = MINIMAL | {"name": "A", "client_name": "B"}
    assert validate_by(both, judged_by)["client_name"] == "B"
    assert texts_of(MINIMAL | {"name": 1}, judged_by) == ["name must be a string"]


def test_other_words_for_application_types() -> None:
    judged_by = terms(registration={"application_type_aliases": {"mobile": "native"}})
    app: JsonObject = {"redirect_uris": ["com.example.app:/cb"], "application_type": "mobile"}
    assert validate_by(app, judged_by)["application_type"] == "native"
    assert texts_of(MINIMAL | {"application_type": "mobile"}) == [
        "application_type must be one of: web, native"
    ]


def test_keys_can_be_wanted_by_reference_only() -> None:
    judged_by = terms(jwks={"by_value": False})
    assert texts_of(MINIMAL | {"jwks": {"keys": []}}, judged_by) == [
        "jwks must not be given; this server takes keys by jwks_uri"
    ]
    assert issues_of(MINIMAL | {"jwks_uri": "https://a.example/j"}, judged_by) == []


def test_redirect_uris_on_public_hosts_only() -> None:
    judged_by = terms(redirect={"https_only": True})
    assert issues_of({"redirect_uris": [CALLBACK]}, judged_by) == []
    told = texts_of(
        {"redirect_uris": ["https://x.internal/", "a.b:/c", "http://[::1]/"]}, judged_by
    )
    assert told == [
        (
            "redirect_uris element 0 is on the local machine or network, element 1 must use https,"
            " element 2 must use https"
        )
    ]
