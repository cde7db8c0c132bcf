"""Claims of a verified software statement win over what a client sends (RFC 7591 2.3, 3.1.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrserver.errors import InvalidClientMetadata, InvalidRedirectUri
from dcrserver.metadata import PARAMETERS, Parameter, Policy, Terms, Who, kinds
from dcrserver.metadata.software_statements import members_said, merged, objection
from dcrserver.metadata.validation import examine
from dcrserver.strict_json import JsonObject
from harness.cases import each
from harness.properties import examples
from metadata.strategies import SENSIBLE_SUBMISSIONS
from metadata.support import terms

requirement = pytest.mark.requirement
TRUST = Parameter("trust", kinds.TEXT, "ours", "How far it is trusted", set_by=Who.ADMINISTRATOR)
EVERYWHERE = terms()


def _terms(**policy: Any) -> Terms:
    made = replace(terms(), policy=Policy.model_validate(policy), members={"trust": TRUST})
    return replace(made, administrator=False)


@requirement("R7591-2-18", "R7591-3.1.1-02")
@given(SENSIBLE_SUBMISSIONS, SENSIBLE_SUBMISSIONS)
@examples(300)
def test_claims_win_whatever_the_body_says(body: JsonObject, claims: JsonObject) -> None:
    """Judged by the catalogue as if the body had sent them, and it nothing about the same."""
    made = merged(body, claims, EVERYWHERE)
    draft, _ = examine(made.members, made.terms)
    alone, _ = examine(claims, EVERYWHERE)
    for name, value in claims.items():
        if name in PARAMETERS and not PARAMETERS[name].kind.leaves_out(value):
            assert made.members[name] == value
            assert (name in draft.failed) == (name in alone.failed)
    for name in made.overruled:
        assert made.members.get(name) != body[name]
    untouched = {n for n in body if n not in made.overruled}
    assert all(made.members[n] == body[n] for n in untouched)


@given(SENSIBLE_SUBMISSIONS, st.permutations(range(12)))
@examples(50)
def test_the_order_of_claims_means_nothing(claims: JsonObject, order: list[int]) -> None:
    names = list(claims)
    mixed = sorted(names, key=lambda name: order[names.index(name) % len(order)])
    body: JsonObject = {"client_name": "Plain", "redirect_uris": ["https://a.example/cb"]}
    one = merged(body, claims, EVERYWHERE)
    other = merged(body, {name: claims[name] for name in mixed}, EVERYWHERE)
    assert one.members == other.members


def test_a_name_is_translated_by_nobody_else() -> None:
    body: JsonObject = {"client_name": "Evil", "client_name#fr": "Banque", "client_uri": "x"}
    made = merged(body, {"client_name": "Good", "client_name#de": "Gut"}, EVERYWHERE)
    assert made.members == {"client_name": "Good", "client_name#de": "Gut", "client_uri": "x"}
    assert made.overruled == ("client_name", "client_name#fr")
    assert merged(body, {"client_name#de": "Gut"}, EVERYWHERE).members == {
        "client_name#de": "Gut",
        "client_uri": "x",
    }


@each("empty", [None, "", []])
def test_an_empty_claim_says_nothing(empty: Any) -> None:
    made = merged({"contacts": ["a@b.example"]}, {"contacts": empty}, EVERYWHERE)
    assert made.members == {"contacts": ["a@b.example"]}


def test_what_is_about_the_statement_or_unknown_is_no_member() -> None:
    claims: JsonObject = {
        "iss": "a", "sub": "b", "aud": "c", "exp": 1, "nbf": 1, "iat": 1, "jti": "d",
        "org_id": "o", "client_id": "chosen",
    }  # fmt: skip
    assert merged({}, claims, EVERYWHERE).members == {}


def test_other_names_of_a_member_get_around_nothing() -> None:
    by = _terms(
        registration={"member_aliases": {"tls_client_auth_dn": "tls_client_auth_subject_dn"}}
    )
    body: JsonObject = {"tls_client_auth_dn": "CN=evil", "tls_client_auth_subject_dn": "CN=worse"}
    for name in body:
        made = merged(body, {name: "CN=good"}, by)
        draft, _ = examine(made.members, made.terms)
        assert draft.members["tls_client_auth_subject_dn"] == "CN=good"


def test_possibilities_do_not_replace_what_was_chosen_for_the_client() -> None:
    by = _terms(extensions={"optional_families": ["rp_metadata_choices"]})
    body: JsonObject = {"token_endpoint_auth_methods_supported": ["none"]}
    made = merged(body, {"token_endpoint_auth_method": "private_key_jwt"}, by)
    assert made.members == {"token_endpoint_auth_method": "private_key_jwt"}


def test_claims_may_have_names_of_their_own() -> None:
    aliases = {"software_redirect_uris": "redirect_uris", "software_client_name": "client_name"}
    by = _terms(software_statements={"claim_aliases": aliases})
    claims: JsonObject = {
        "software_redirect_uris": ["https://a.example/cb"],
        "software_client_name": "By another name",
        "client_name": "By its own",
    }
    made = merged({"client_name": "Evil"}, claims, by)
    assert made.members == {"redirect_uris": ["https://a.example/cb"], "client_name": "By its own"}


@pytest.mark.finding("E10")
@each("empty", [None, "", [], {}])
def test_a_claim_that_is_empty_takes_nothing_from_its_other_name(empty: Any) -> None:
    """Else the body would say where users are sent, as if the statement did not."""
    claim_aliases = {"software_redirect_uris": "redirect_uris"}
    by = _terms(software_statements={"claim_aliases": claim_aliases, "redirect_subset": True})
    claims: JsonObject = {"redirect_uris": empty, "software_redirect_uris": ["https://a.example/"]}
    assert members_said(claims, by)["redirect_uris"] == ["https://a.example/"]
    with pytest.raises(InvalidRedirectUri):
        merged({"redirect_uris": ["https://evil.example/"]}, claims, by)


@requirement("UKOB-04", "BROB-05")
def test_a_client_chooses_among_the_redirect_uris_of_its_statement() -> None:
    by = _terms(software_statements={"redirect_subset": True})
    one, two = "https://a.example/1", "https://a.example/2"
    claims: JsonObject = {"redirect_uris": [one, two]}
    assert merged({"redirect_uris": [two]}, claims, by).members == {"redirect_uris": [two]}
    for nothing in ({}, {"redirect_uris": []}, {"redirect_uris": None}):
        assert merged(nothing, claims, by).members == {"redirect_uris": [one, two]}
    with pytest.raises(InvalidRedirectUri, match="element 1 is none that the software statement"):
        merged({"redirect_uris": [one, "https://evil.example/"]}, claims, by)
    assert merged({"redirect_uris": [one]}, {}, by).members == {"redirect_uris": [one]}


@pytest.mark.finding("E6")
def test_what_is_an_administrators_is_set_by_a_statement_only_where_its_entry_says_so() -> None:
    by = _terms()
    claims: JsonObject = {"trust": "high"}
    plain = merged({"trust": "mine"}, claims, by)
    assert "trust" not in examine(plain.members, plain.terms)[0].members
    opened = merged({"trust": "mine"}, claims, by, frozenset({"trust"}))
    assert examine(opened.members, opened.terms)[0].members["trust"] == "high"
    silent = merged({"trust": "mine"}, {}, by, frozenset({"trust"}))
    assert "trust" not in examine(silent.members, silent.terms)[0].members
    assert merged({}, claims, by, frozenset({"trust"})).terms is opened.terms


@each(
    "claims, told",
    [
        ({"software_statement": "x"}, "must not hold software_statement"),
        ({"a": [{"client_secret": "x"}]}, "must not hold client_secret"),
        ({"registration_access_token": "x"}, "must not hold registration_access_token"),
        ({"jwks": {"keys": [{"kty": "EC", "d": "x"}]}}, "must not hold private key material"),
        ({"key": {"kty": "oct", "k": "x"}}, "must not hold private key material"),
        ({"a": "-----BEGIN RSA PRIVATE KEY-----"}, "must not hold private key material"),
        ({"jwks": {"keys": [{"kty": "EC", "x": "x"}]}, "d": "x", "k": 1}, None),
    ],
)
def test_no_secrets_within_a_statement(claims: JsonObject, told: str | None) -> None:
    assert objection(claims) == told


def test_versions_that_directories_write_as_numbers_are_texts() -> None:
    made = merged({}, {"software_version": 1.1, "client_name": 7, "contacts": 5}, EVERYWHERE)
    assert made.members == {"software_version": "1.1", "client_name": "7", "contacts": 5}
    assert merged({}, {"client_name": True}, EVERYWHERE).members == {"client_name": True}


@requirement("UKOB-07", "BROB-04")
def test_a_body_does_not_contradict_its_statement_where_it_must_match() -> None:
    by = _terms(software_statements={"must_match": ["software_id"]})
    claims: JsonObject = {"software_id": "a", "client_name": "A"}
    assert merged({"software_id": "a", "client_name": "B"}, claims, by).members == claims
    with pytest.raises(InvalidClientMetadata, match="software_id is not what the software statem"):
        merged({"software_id": "b"}, claims, by)
