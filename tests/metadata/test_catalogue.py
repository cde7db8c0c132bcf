"""The catalogue against the registry of IANA, and against itself."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import get_args

import pytest

from dcrserver import metadata
from dcrserver.metadata import (
    FAMILIES,
    IGNORED,
    PARAMETERS,
    RULES,
    SERVER_ASSIGNED,
    VERIFIED,
    Parameter,
    Policy,
    kinds,
)
from dcrserver.metadata.catalogue import members, understood
from dcrserver.metadata.catalogue.shared import CONTENT, SIGNED
from dcrserver.metadata.roles import Role
from dcrserver.policies.presets import PRESETS
from dcrserver.policies.switches.security import OptionalFamily, OwnMember, SubjectParameter
from harness.cases import each
from metadata.support import MINIMAL, OPTIONAL_FAMILIES, issues_of, terms

requirement = pytest.mark.requirement

REGISTRY = tomllib.loads((Path(__file__).parent.parent / "data" / "iana.toml").read_text("utf-8"))
KNOWN = {*PARAMETERS, *SERVER_ASSIGNED, *VERIFIED, *IGNORED}
# Names in use that IANA does not list, by where they come from.
UNREGISTERED = {
    "RFC 7591 2.3, and who issued it": {"software_statement", "software_statement_issuer"},
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
    "extensions of ours": {row.name for row in FAMILIES["extensions"].rows},
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
    others = (SERVER_ASSIGNED, VERIFIED, IGNORED)
    assert len(KNOWN) == len(rows) + sum(map(len, others))


def test_a_row_that_forgets_its_role_cannot_be_made() -> None:
    """Rules ask for roles: without one, no rule would know that the member signs or encrypts."""
    with pytest.raises(TypeError, match="the row of new_signed_response_alg must say its role"):
        Parameter("new_signed_response_alg", SIGNED, "RFC 0", "How new answers are signed")
    with pytest.raises(TypeError, match=r"must say its role: Role\.CONTENT_ENCRYPTION$"):
        Parameter("new_enc", CONTENT, "RFC 0", "Content", role=Role.RESPONSE_SIGNATURE)


def test_names_and_roles_fit() -> None:
    """The specifications end names by what they are, and rules pair NAME_alg and NAME_enc."""
    ends = {
        Role.RESPONSE_SIGNATURE: "_signed_response_alg",
        Role.REQUEST_SIGNATURE: "_signing_alg",
        Role.ASSERTION_SIGNATURE: "_auth_signing_alg",
        Role.RESPONSE_ENCRYPTION: "_encrypted_response_alg",
        Role.REQUEST_ENCRYPTION: "_encryption_alg",
        Role.CONTENT_ENCRYPTION: "_enc",
    }
    for role, end in ends.items():
        assert all(name.endswith(end) for name in members(role))
    known = set(members(*ends))
    assert {name for name in PARAMETERS if name.endswith(("_alg", "_enc"))} == known
    keys = members(Role.RESPONSE_ENCRYPTION, Role.REQUEST_ENCRYPTION)
    assert {f"{name.removesuffix('alg')}enc" for name in keys} == set(
        members(Role.CONTENT_ENCRYPTION)
    )


def test_what_is_read_from_a_url_says_that_it_is_fetched() -> None:
    kinds_read = (kinds.FETCHED_URI, kinds.REQUEST_URIS)
    assert all(row.fetched for row in PARAMETERS.values() if row.kind in kinds_read)


def test_switches_name_the_rows_of_the_catalogue() -> None:
    """Policies lie below the catalogue and cannot read it."""
    optional = {name for name, family in FAMILIES.items() if family.optional}
    assert set(get_args(OptionalFamily)) == optional
    assert set(get_args(OwnMember)) == {row.name for row in FAMILIES["extensions"].rows}
    assert set(get_args(SubjectParameter)) == set(members(Role.CERTIFICATE_SUBJECT))
    assert Policy().mtls.subject_params == set(members(Role.CERTIFICATE_SUBJECT))


@each("preset", [name for name, preset in PRESETS.items() if preset.limits])
def test_a_profile_of_algorithms_bounds_all_that_sign(preset: str) -> None:
    bounds = {*PRESETS[preset].limits, *PRESETS[preset].cuts}
    signing = members(Role.REQUEST_SIGNATURE, Role.RESPONSE_SIGNATURE, Role.ASSERTION_SIGNATURE)
    bounded = {PARAMETERS[name].bounded_by for name in signing}
    assert bounded - {None} <= bounds


def test_choices_are_what_the_specification_lists() -> None:
    """OpenID Connect RP Metadata Choices 2."""
    chosen = {row.chooses: row.name for row in FAMILIES["rp_metadata_choices"].rows}
    assert all(PARAMETERS[name or ""].bounded_by == listed for name, listed in chosen.items())
    assert set(chosen) == {
        "subject_type",
        "token_endpoint_auth_method",
        "token_endpoint_auth_signing_alg",
        "backchannel_authentication_request_signing_alg",
        "request_object_signing_alg",
        "request_object_encryption_alg",
        "request_object_encryption_enc",
        *(
            f"{of}_{how}"
            for of in ("id_token", "userinfo", "authorization", "introspection")
            for how in (
                "signed_response_alg",
                "encrypted_response_alg",
                "encrypted_response_enc",
            )
        ),
    }


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


def test_the_interface_has_each_name_that_it_says() -> None:
    """Their modules are loaded at their first need, so that no import tells of one that is not."""
    for name in metadata.__all__:
        assert getattr(metadata, name) is not None
