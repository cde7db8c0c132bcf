"""What the server supports: one list for registration and for discovery."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from dcrserver.metadata import PARAMETERS, Policy
from dcrserver.metadata.capabilities import (
    SPECIFIED_DEFAULTS,
    UNCONFIGURED,
    capabilities_of,
    restrict,
)
from dcrserver.strict_json import JsonObject
from harness.cases import each

requirement = pytest.mark.requirement

DOCUMENT: JsonObject = {
    "issuer": "https://as.example",
    "grant_types_supported": ["authorization_code", "implicit", "password", "refresh_token"],
    "response_types_supported": [
        "code",
        "token",
        "id_token",
        "token id_token",
        "code id_token",
        "none",
    ],
    "id_token_signing_alg_values_supported": ["none", "RS256"],
    "request_object_signing_alg_values_supported": ["none", "RS256"],
}


def restricted(name: str, **groups: Any) -> Any:
    return restrict(DOCUMENT, Policy.model_validate(groups))[name]


@requirement("POL-30", "POL-35")
def test_what_is_off_by_default_is_taken_away() -> None:
    assert restrict(DOCUMENT, Policy()) == DOCUMENT | {
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "response_types_supported": ["code", "none"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


@requirement("POL-30")
def test_the_implicit_grant_and_its_response_types_come_together() -> None:
    implicit = {"implicit": True}
    assert restricted("grant_types_supported", grants=implicit) == [
        "authorization_code",
        "implicit",
        "refresh_token",
    ]
    assert (
        restricted("response_types_supported", grants=implicit)
        == (DOCUMENT["response_types_supported"])
    )


@requirement("POL-30")
def test_the_password_grant_brings_no_response_type() -> None:
    password = {"password": True}
    assert restricted("grant_types_supported", grants=password) == [
        "authorization_code",
        "password",
        "refresh_token",
    ]
    assert restricted("response_types_supported", grants=password) == ["code", "none"]


@requirement("POL-35")
def test_unsigned_id_tokens_can_be_allowed() -> None:
    name = "id_token_signing_alg_values_supported"
    assert restricted(name, id_token={"allow_none": True}) == ["none", "RS256"]


def test_with_everything_on_nothing_is_taken_away() -> None:
    everything = Policy.model_validate(
        {"grants": {"implicit": True, "password": True}, "id_token": {"allow_none": True}}
    )
    assert restrict(DOCUMENT, everything) == DOCUMENT


def test_a_document_is_never_changed_in_place() -> None:
    before = copy.deepcopy(DOCUMENT)
    restrict(DOCUMENT, Policy())
    assert before == DOCUMENT


def test_what_is_no_list_of_text_is_left_alone() -> None:
    """The document comes from another server: restricting it must not trip over its types."""
    odd: JsonObject = {
        "grant_types_supported": "implicit",
        "response_types_supported": [1, None, ["token"], "token", {}],
        "id_token_signing_alg_values_supported": None,
    }
    assert restrict(odd, Policy()) == odd | {"response_types_supported": [1, None, ["token"], {}]}
    assert restrict({}, Policy()) == {}


@requirement("OIDD-7-01")
def test_capabilities_are_the_lists_of_text() -> None:
    made = capabilities_of(
        {
            "issuer": "https://as.example",
            "scopes_supported": ["openid", 1, None, "email"],
            "grant_types_supported": [],
            "claims_parameter_supported": True,
            "mtls_endpoint_aliases": {"a": ["b"]},
        }
    )
    assert made.lists == {"scopes_supported": ("openid", "email"), "grant_types_supported": ()}
    assert made.offers_one_of(["claims_parameter_supported", "nothing"])
    assert made.offers_one_of(["mtls_endpoint_aliases"])
    assert not made.offers_one_of(["grant_types_supported", "nothing"])
    assert not made.offers_one_of([])


def test_a_list_that_is_missing_sets_no_bound() -> None:
    made = capabilities_of({"scopes_supported": ["b", "a"], "grant_types_supported": []})
    assert made.supported("scopes_supported") == ("b", "a")
    assert made.supported("grant_types_supported") == ()
    assert made.supported("response_types_supported") is None
    assert made.supported("") is None


@requirement("OIDD-3-06")
def test_the_defaults_of_a_silent_server() -> None:
    made = capabilities_of(SPECIFIED_DEFAULTS)
    assert made.supported("grant_types_supported") == ("authorization_code", "implicit")
    assert made.supported("response_modes_supported") == ("query", "fragment")
    assert made.supported("token_endpoint_auth_methods_supported") == ("client_secret_basic",)
    assert SPECIFIED_DEFAULTS["request_uri_parameter_supported"] is True
    for name in (
        "claims_parameter_supported",
        "request_parameter_supported",
        "require_request_uri_registration",
    ):
        assert SPECIFIED_DEFAULTS[name] is False


@requirement("POL-30", "POL-35")
def test_a_server_of_which_nothing_is_known_needs_no_restriction() -> None:
    assert restrict(UNCONFIGURED, Policy()) == UNCONFIGURED


@requirement("OIDD-7-01")
@each("name", [row.name for row in PARAMETERS.values() if isinstance(row.default, str)])
def test_such_a_server_supports_the_defaults_of_the_catalogue(name: str) -> None:
    row = PARAMETERS[name]
    supported = capabilities_of(UNCONFIGURED).supported(row.bounded_by or "")
    assert supported is None or row.default in supported
