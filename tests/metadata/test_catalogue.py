"""The catalogue against the registry of IANA, and against itself."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from dcrserver.metadata import FAMILIES, IGNORED, PARAMETERS, RULES, SERVER_ASSIGNED, Policy
from dcrserver.metadata.algorithms import ENCRYPTION_MEMBERS, SIGNING_MEMBERS
from dcrserver.metadata.catalogue import understood
from harness.cases import each
from metadata.support import MINIMAL, OPTIONAL_FAMILIES, issues_of, terms

requirement = pytest.mark.requirement

REGISTRY = tomllib.loads((Path(__file__).parent.parent / "data" / "iana.toml").read_text("utf-8"))
KNOWN = {*PARAMETERS, *SERVER_ASSIGNED, *IGNORED}
# Names in use that IANA does not list, by where they come from.
UNREGISTERED = {
    "RFC 7591 2.3": {"software_statement"},
    "JARM": {
        "authorization_signed_response_alg",
        "authorization_encrypted_response_alg",
        "authorization_encrypted_response_enc",
    },
    "CIBA": {
        "backchannel_token_delivery_mode",
        "backchannel_client_notification_endpoint",
        "backchannel_authentication_request_signing_alg",
        "backchannel_user_code_parameter",
    },
    "OpenID Federation": {"display_name"},
    "RP Metadata Choices": {row.name for row in FAMILIES["rp_metadata_choices"].rows},
    "SIOP": {"subject_syntax_types_supported"},
    "superseded": {"vp_formats", "tls_client_auth_dn"},
}


def test_every_registered_name_has_its_row() -> None:
    missing = sorted(set(REGISTRY["names"]) - KNOWN)
    print(f"IANA registry of {REGISTRY['updated']}: {len(REGISTRY['names'])} names,", end=" ")
    print(f"{len(missing)} missing: {', '.join(missing) or 'none'}")
    assert missing == []


def test_what_iana_does_not_list_is_known_by_its_origin() -> None:
    assert KNOWN - set(REGISTRY["names"]) == set().union(*UNREGISTERED.values())


def test_names_stand_in_one_place() -> None:
    rows = [row.name for family in FAMILIES.values() for row in family.rows]
    assert len(rows) == len(set(rows)) == len(PARAMETERS)
    assert not PARAMETERS.keys() & SERVER_ASSIGNED.keys()
    assert not IGNORED.keys() & (PARAMETERS.keys() | SERVER_ASSIGNED.keys())
    assert len(KNOWN) == len(rows) + len(SERVER_ASSIGNED) + len(IGNORED)


def test_pairs_of_algorithms_are_complete() -> None:
    """What encrypts or signs is known to the rules about encryption and signing."""
    encrypting = {name.removesuffix("_enc") for name in PARAMETERS if name.endswith("_enc")}
    assert encrypting == set(ENCRYPTION_MEMBERS)
    assert all(f"{stem}_alg" in PARAMETERS for stem in encrypting)
    signing = {
        name for name in PARAMETERS if name.endswith(("signed_response_alg", "object_signing_alg"))
    }
    assert signing == set(SIGNING_MEMBERS)


def test_choices_are_about_members_that_exist() -> None:
    for row in FAMILIES["rp_metadata_choices"].rows:
        assert row.chooses in PARAMETERS
        bound = PARAMETERS[row.chooses].bounded_by
        assert bound in {row.name, None}


@requirement("POL-56")
@each("name", OPTIONAL_FAMILIES)
def test_an_optional_family_is_ignored_until_it_is_named(name: str) -> None:
    off = terms(extensions={"optional_families": []})
    on = terms(extensions={"optional_families": [name]})
    for row in FAMILIES[name].rows:
        wrong = MINIMAL | {row.name: 1.5}
        assert issues_of(wrong, off) == []
        assert [issue.member for issue in issues_of(wrong, on)] == [row.name]


@requirement("POL-56")
def test_choices_are_understood_unless_switched_off() -> None:
    assert Policy().extensions.optional_families == {"rp_metadata_choices"}


def test_the_other_families_are_always_understood() -> None:
    always = understood(frozenset())
    assert set(always) == {
        row.name for family in FAMILIES.values() if not family.optional for row in family.rows
    }
    assert set(understood(frozenset(OPTIONAL_FAMILIES))) == set(PARAMETERS)
    choices = Policy.model_json_schema()["$defs"]["ExtensionPolicy"]["properties"]
    assert choices["optional_families"]["items"]["enum"] == OPTIONAL_FAMILIES


def test_rules_and_kinds_say_what_they_are() -> None:
    for rule in RULES:
        assert rule.statement
        assert rule.about <= rule.uses
        assert rule.specification
    for row in PARAMETERS.values():
        assert row.kind.rule
        assert row.kind.meaning
        assert row.description
        assert row.specification
