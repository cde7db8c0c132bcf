"""Presets: data that the policy starts from, each judged by what its profile says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import given
from pydantic import ValidationError

from dcrserver.metadata import PARAMETERS, Policy, Terms
from dcrserver.metadata.capabilities import capabilities_of, presumed, restrict
from dcrserver.policies.presets import PRESETS, PresetName
from dcrserver.strict_json import JsonObject
from harness.cases import each
from harness.properties import examples
from metadata.strategies import SENSIBLE_SUBMISSIONS
from metadata.support import CALLBACK, EVERYTHING, FEATURES, issues_of, texts_of, validate_by

requirement = pytest.mark.requirement

JWKS_URI = "https://client.example.org/jwks.json"


def terms_of(preset: str, **groups: Any) -> Terms:
    """A server of which nothing is known but its preset."""
    policy = Policy.model_validate({"preset": preset, **groups})
    return Terms(policy=policy, server=capabilities_of(restrict(presumed(policy), policy)))


BY_DEFAULT, BY_MCP = terms_of("default"), terms_of("mcp")
CODE: JsonObject = {"redirect_uris": [CALLBACK]}
FAPI: JsonObject = CODE | {
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks_uri": JWKS_URI,
    "dpop_bound_access_tokens": True,
}
# FAPI 1.0 Advanced: bound to a certificate.
FAPI1: JsonObject = CODE | {
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks_uri": JWKS_URI,
    "response_types": ["code id_token"],
    "tls_client_certificate_bound_access_tokens": True,
    "request_object_signing_alg": "PS256",
}
UK: JsonObject = CODE | {
    "token_endpoint_auth_method": "tls_client_auth",
    "tls_client_auth_subject_dn": "CN=0014H00001,O=Example",
    "grant_types": ["authorization_code", "client_credentials", "refresh_token"],
    "response_types": ["code id_token"],
    "scope": "openid accounts",
    "application_type": "mobile",
    "id_token_signed_response_alg": "PS256",
    "request_object_signing_alg": "PS256",
    "jwks_uri": JWKS_URI,
}
BRASIL: JsonObject = CODE | {
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks_uri": JWKS_URI,
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code id_token"],
}
MCP: JsonObject = {
    "client_name": "An agent",
    "redirect_uris": ["http://localhost:33418/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "token_endpoint_auth_method": "none",
    "scope": "files:read files:write",
}


def test_the_names_are_those_of_the_data() -> None:
    assert set(get_args(PresetName)) == set(PRESETS)
    assert all(preset.description for preset in PRESETS.values())
    assert Policy() == Policy(preset="default")
    with pytest.raises(ValidationError, match="preset"):
        Policy.model_validate({"preset": "none-such"})


@each("name", PRESETS)
def test_a_preset_is_made_of_keys_that_exist(name: str) -> None:
    policy = Policy.model_validate({"preset": name})
    assert policy.preset == name
    assert policy.registration.required <= set(PARAMETERS)
    assert set(policy.registration.member_aliases.values()) <= set(PARAMETERS)
    lists = {*EVERYTHING, *FEATURES}
    assert {*PRESETS[name].limits, *PRESETS[name].cuts} <= lists
    assert all(set(values) <= set(EVERYTHING[key]) for key, values in PRESETS[name].limits.items())


@each("name", PRESETS)
def test_every_key_can_be_set_beside_a_preset(name: str) -> None:
    plain = Policy.model_validate({"preset": name})
    for group, choices in PRESETS[name].policy.items():
        if not isinstance(choices, Mapping):
            assert getattr(plain, group) == choices
            default = getattr(Policy(), group)
            made = Policy.model_validate({"preset": name, group: default})
            assert getattr(made, group) == default
            continue
        for key in choices:
            default = getattr(getattr(Policy(), group), key)
            made = Policy.model_validate({"preset": name, group: {key: default}})
            assert getattr(getattr(made, group), key) == default
            others = getattr(plain, group).model_copy(update={key: default})
            assert getattr(made, group) == others


@each("name", PRESETS)
def test_what_a_preset_presumes_is_within_its_limits(name: str) -> None:
    """So that what is advertised is what is accepted."""
    policy = Policy.model_validate({"preset": name})
    members = presumed(policy)
    restricted = restrict(members, policy)
    assert {key: restricted[key] for key in members} == members
    added = {key: value for key, value in restricted.items() if key not in members}
    bounds = {key: list(values) for key, values in PRESETS[name].limits.items()}
    assert added.items() <= {**bounds, **PRESETS[name].forced}.items()


@requirement("MCP0728-06", "MCP0728-05", "MCP0728-02", "MCP0618-03")
def test_mcp_clients_register_as_they_do() -> None:
    made = validate_by(MCP, terms_of("mcp"))
    assert made["application_type"] == "native"
    assert made["scope"] == "files:read files:write"
    assert made["grant_types"] == ["authorization_code", "refresh_token"]
    remote = MCP | {"redirect_uris": ["http://agent.example/cb"]}
    assert texts_of(remote, terms_of("mcp")) == [
        (
            "redirect_uris element 0 uses http outside of the local machine; use https,"
            " or http on 127.0.0.1"
        )
    ]


@requirement("MCP1125-03")
def test_mcp_clients_find_pkce() -> None:
    policy = Policy(preset="mcp")
    silent = restrict({"response_types_supported": ["code"]}, policy)
    assert silent["code_challenge_methods_supported"] == ["S256"]


@requirement("FAPI2-5.3.2.2-01", "FAPI2-5.4-01", "FAPI2-5.3.2.1-04", "FAPI2-5.3.2.1-05")
def test_fapi2() -> None:
    judged_by = terms_of("fapi2")
    made = validate_by(FAPI, judged_by)
    assert made["require_pushed_authorization_requests"] is True
    assert made["id_token_signed_response_alg"] == "PS256"
    bound_by_certificate = FAPI | {
        "dpop_bound_access_tokens": False,
        "tls_client_certificate_bound_access_tokens": True,
    }
    assert issues_of(bound_by_certificate, judged_by) == []


@requirement("FAPI2-5.3.2.1-02", "FAPI2-5.3.2.1-03", "FAPI2-5.3.2.1-04", "FAPI2-5.3.2.1-05")
@requirement("FAPI2-5.3.2.2-01", "FAPI2-5.3.2.2-03", "FAPI2-5.4-01")
@each(
    "change",
    [
        {"token_endpoint_auth_method": "none"},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"dpop_bound_access_tokens": False},
        {"response_types": ["code id_token"]},
        {"grant_types": ["password"]},
        {"grant_types": ["authorization_code", "implicit"]},
        {"redirect_uris": ["http://client.example.org/cb"]},
        {"redirect_uris": ["http://127.0.0.1/cb"], "application_type": "web"},
        {"id_token_signed_response_alg": "RS256"},
        {"token_endpoint_auth_signing_alg": "RS256"},
        {"id_token_signed_response_alg": "none"},
    ],
)
def test_what_fapi2_rules_out(change: JsonObject) -> None:
    assert issues_of(FAPI | change, terms_of("fapi2"))


def test_fapi1_advanced() -> None:
    judged_by = terms_of("fapi1-advanced")
    made = validate_by(FAPI1, judged_by)
    assert made["id_token_signed_response_alg"] == "PS256"
    assert made["response_types"] == ["code id_token"]
    by_certificate = {
        "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_subject_dn": "CN=client",
    }
    assert issues_of(FAPI1 | by_certificate, judged_by) == []


@each(
    "change",
    [
        {"token_endpoint_auth_method": "none"},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"tls_client_certificate_bound_access_tokens": False},
        # Not by DPoP, whatever the server could do.
        {"tls_client_certificate_bound_access_tokens": False, "dpop_bound_access_tokens": True},
        {"response_types": ["id_token"]},
        {"grant_types": ["authorization_code", "password"]},
        {"redirect_uris": ["http://client.example.org/cb"]},
        {"redirect_uris": ["http://127.0.0.1/cb"], "application_type": "native"},
        {"id_token_signed_response_alg": "RS256"},
        {"request_object_signing_alg": "RS256"},
        {"request_object_signing_alg": "none"},
        {"token_endpoint_auth_signing_alg": "RS256"},
    ],
)
def test_what_fapi1_advanced_rules_out(change: JsonObject) -> None:
    assert issues_of(FAPI1 | change, terms_of("fapi1-advanced"))


@requirement("POL-53")
def test_a_binding_can_be_forced() -> None:
    judged_by = terms_of("fapi2", fapi={"force_sender_constraint": "force"})
    unbound = FAPI | {"dpop_bound_access_tokens": False}
    assert validate_by(unbound, judged_by)["dpop_bound_access_tokens"] is True
    by_certificate = unbound | {"tls_client_certificate_bound_access_tokens": True}
    assert validate_by(by_certificate, judged_by)["dpop_bound_access_tokens"] is False
    wrong = FAPI | {"dpop_bound_access_tokens": "yes"}
    assert texts_of(wrong, judged_by) == ["dpop_bound_access_tokens must be true or false"]


@requirement("FAPI2-5.3.2.1-04")
def test_a_preset_limits_a_server_that_supports_more() -> None:
    policy = Policy(preset="fapi2")
    wide = {name: list(values) for name, values in EVERYTHING.items()}
    server = capabilities_of(restrict(FEATURES | wide, policy))
    judged_by = Terms(policy=policy, server=server)
    assert server.supported("response_types_supported") == ("code",)
    assert issues_of(FAPI, judged_by) == []
    assert issues_of(FAPI | {"token_endpoint_auth_method": "client_secret_post"}, judged_by)


def test_a_preset_bounds_a_server_that_says_little() -> None:
    policy = Policy(preset="fapi2")
    members: JsonObject = {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}
    judged_by = Terms(policy=policy, server=capabilities_of(restrict(members, policy)))
    by_rs256 = FAPI | {"token_endpoint_auth_signing_alg": "RS256", "dpop_bound_access_tokens": None}
    told = "; ".join(texts_of(by_rs256, judged_by))
    assert "token_endpoint_auth_signing_alg must be one that this server supports" in told
    assert "dpop_bound_access_tokens or" in told
    assert judged_by.server.supported("authorization_signing_alg_values_supported") is None


@requirement("UKOB-04", "UKOB-05", "UKOB-06", "UKOB-12")
def test_uk_open_banking() -> None:
    judged_by = terms_of("open-banking-uk")
    made = validate_by(UK, judged_by)
    assert made["application_type"] == "native"
    assert made["response_types"] == ["code id_token"]
    for name in judged_by.policy.registration.required:
        less = {key: value for key, value in UK.items() if key != name}
        assert f"{name} is required" in texts_of(less, judged_by)


@requirement("UKOB-04", "UKOB-06", "UKOB-12")
@each(
    "change, told",
    [
        ({"redirect_uris": ["https://localhost/cb"]}, "is on the local machine or network"),
        ({"redirect_uris": ["com.example.app:/cb"]}, "must use https"),
        ({"redirect_uris": ["http://127.0.0.1/cb"]}, "must use https"),
        ({"tls_client_auth_subject_dn": None}, "tls_client_auth_subject_dn is required"),
        (
            {"tls_client_auth_subject_dn": None, "tls_client_auth_san_dns": "a.example"},
            "tls_client_auth_san_dns is not accepted here",
        ),
        (
            {
                "grant_types": ["authorization_code", "urn:openid:params:grant-type:ciba"],
                "backchannel_token_delivery_mode": "push",
            },
            "backchannel_token_delivery_mode must be one that this server supports: poll, ping",
        ),
        ({"id_token_signed_response_alg": "RS256"}, "must be one that this server supports"),
    ],
)
def test_what_uk_open_banking_rules_out(change: JsonObject, told: str) -> None:
    assert told in "; ".join(texts_of(UK | change, terms_of("open-banking-uk")))


def test_older_names_of_uk_open_banking() -> None:
    judged_by = terms_of("open-banking-uk")
    older = {name: value for name, value in UK.items() if name != "tls_client_auth_subject_dn"}
    older["tls_client_auth_dn"] = "CN=old"
    made = validate_by(older, judged_by)
    assert made["tls_client_auth_subject_dn"] == "CN=old"
    assert "tls_client_auth_dn" not in made
    both = UK | {"tls_client_auth_dn": "CN=old"}
    assert (
        validate_by(both, judged_by)["tls_client_auth_subject_dn"]
        == (UK["tls_client_auth_subject_dn"])
    )
    bad = older | {"tls_client_auth_dn": "no name"}
    assert [issue.member for issue in issues_of(bad, judged_by)][:1] == ["tls_client_auth_dn"]


@requirement("BROB-04", "BROB-08")
def test_open_finance_brasil() -> None:
    judged_by = terms_of("open-finance-brasil")
    made = validate_by(BRASIL, judged_by)
    assert made["require_pushed_authorization_requests"] is True
    assert judged_by.policy.management.registration_access_token_rotation == "never"
    by_value = {name: value for name, value in BRASIL.items() if name != "jwks_uri"}
    assert "jwks must not be given; this server takes keys by jwks_uri" in texts_of(
        by_value | {"jwks": {"keys": []}}, judged_by
    )
    by_dns = BRASIL | {"token_endpoint_auth_method": "tls_client_auth"}
    assert "not accepted here" in "".join(
        texts_of(by_dns | {"tls_client_auth_san_dns": "a.example"}, judged_by)
    )


@examples(300)
@given(submission=SENSIBLE_SUBMISSIONS)
def test_mcp_refuses_nothing_that_the_default_takes(submission: JsonObject) -> None:
    if not issues_of(submission, BY_DEFAULT):
        assert texts_of(submission, BY_MCP) == []


@requirement("POL-13", "POL-11", "OIDR-2-09")
def test_oidc_to_the_letter() -> None:
    judged_by = terms_of("oidc")
    assert issues_of(CODE, judged_by) == []
    assert texts_of({"grant_types": ["client_credentials"]}, judged_by) == [
        "redirect_uris is required"
    ]
    assert issues_of(CODE | {"application_type": "native"}, judged_by)
    assert issues_of({"redirect_uris": ["http://127.0.0.1/"]}, judged_by)
