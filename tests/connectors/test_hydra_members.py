"""What becomes of a client's members at Hydra, and what it would choke on: without a call."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, given

from dcrserver.connectors.client import Fate, WantedClient
from dcrserver.connectors.hydra import documents, judging, members
from dcrserver.errors import RegistrationError
from dcrserver.metadata import PARAMETERS, validate
from dcrserver.strict_json import JsonObject
from harness import hydra
from harness.cases import each
from harness.hydra import Hydra
from harness.properties import examples
from harness.wanted import wanted
from metadata.strategies import JUDGED_BY, SENSIBLE_SUBMISSIONS

MARK = "dcrserver"
RSA = {"kty": "RSA", "n": "AQ", "e": "AQAB"}
EC = {"kty": "EC", "crv": "P-384", "x": "x", "y": "y"}
# Dropped by Hydra in silence, while a client may rely on them.
_VANISHING = (
    "id_token_", "userinfo_encrypted_", "request_object_encryption_", "dpop_", "introspection_",
    "tls_client_certificate", "authorization_", "require_",
)  # fmt: skip


def stored(client: WantedClient) -> tuple[int, JsonObject]:
    """The status and the client after a creation."""
    double = Hydra()
    body = json.dumps(documents.document(client, MARK)).encode()
    status = double.answer("POST", hydra.ADMIN, body).status
    return status, double.clients.get(client.client_id, {})


@examples(400)
@given(submission=SENSIBLE_SUBMISSIONS)
def test_what_passes_is_there_as_it_was_wanted(submission: JsonObject) -> None:
    """And what does not would have been refused, or stored and never done."""
    try:
        metadata = dict(validate(submission, JUDGED_BY["everything on"]).members)
    except RegistrationError:
        assume(False)  # noqa: FBT003
    client = WantedClient("default", "c", metadata, owner="o")
    verdict = judging.judge(client)
    status, found = stored(client)
    if verdict.objections:
        bad = hydra.nonsense(found) if status == 201 else {"refused"}
        vanished = [each for each in verdict.objections if each.member.startswith(_VANISHING)]
        assert bad or vanished, verdict
    else:
        assert status == 201
        assert hydra.nonsense(found) == set()
        remote = documents.remote(found | {"client_id": "c"})
        assert documents.differences(documents.document(client, MARK), remote.document) == ()
        told = remote.metadata
        carried = {name: value for name, value in metadata.items() if value}
        assert {name: told.get(name) for name in carried if name not in verdict.corrections} == {
            name: _as_kept(name, value)
            for name, value in carried.items()
            if name not in verdict.corrections
        }


def _as_kept(name: str, value: Any) -> Any:
    if name == "userinfo_signed_response_alg":
        return members.signed(value)
    return members.public_keys(value) if name == "jwks" else value


@each("bad, member", [
    ({"scope": "openid *"}, "scope"),
    ({"scope": "files.*"}, "scope"),
    ({"token_endpoint_auth_method": "client_secret_jwt"}, "token_endpoint_auth_method"),
    ({"token_endpoint_auth_method": "tls_client_auth"}, "token_endpoint_auth_method"),
    ({"token_endpoint_auth_method": "self_signed_tls_client_auth"}, "token_endpoint_auth_method"),
    ({"token_endpoint_auth_method": "private_key_jwt"}, "token_endpoint_auth_method"),
    ({"token_endpoint_auth_signing_alg": "EdDSA"}, "token_endpoint_auth_signing_alg"),
    ({"request_object_signing_alg": "HS256"}, "request_object_signing_alg"),
    ({"userinfo_signed_response_alg": "ES256"}, "userinfo_signed_response_alg"),
    ({"grant_types": ["urn:openid:params:grant-type:ciba"]}, "grant_types"),
    ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"),
    ({"redirect_uris": ["JavaScript:alert(1)"]}, "redirect_uris"),
    ({"redirect_uris": ["https://a.example/#"]}, "redirect_uris"),
    ({"redirect_uris": ["/cb"]}, "redirect_uris"),
    ({"jwks": {"keys": [RSA | {"d": "AQ"}]}}, "jwks"),
    ({"jwks": {"keys": [RSA]}, "jwks_uri": "https://a.example/"}, "jwks"),
    ({"jwks": {"keys": [{"kty": "OKP", "crv": "X25519", "x": "x"}]}}, "jwks"),
    ({"jwks": {"keys": [{"kty": "EC", "crv": "secp256k1", "x": "x", "y": "y"}]}}, "jwks"),
    ({"post_logout_redirect_uris": ["https://other.example/"]}, "post_logout_redirect_uris"),
    ({"post_logout_redirect_uris": ["https://client.example.org:443/"]},
     "post_logout_redirect_uris"),
    ({"dpop_bound_access_tokens": True}, "dpop_bound_access_tokens"),
    ({"tls_client_certificate_bound_access_tokens": True},
     "tls_client_certificate_bound_access_tokens"),
    ({"require_pushed_authorization_requests": True}, "require_pushed_authorization_requests"),
    ({"require_signed_request_object": True}, "require_signed_request_object"),
    ({"id_token_encrypted_response_alg": "RSA-OAEP"}, "id_token_encrypted_response_alg"),
    ({"id_token_signed_response_alg": "HS256"}, "id_token_signed_response_alg"),
    ({"id_token_signed_response_alg": "none"}, "id_token_signed_response_alg"),
    ({"authorization_signed_response_alg": "ES256"}, "authorization_signed_response_alg"),
])  # fmt: skip
def test_what_hydra_would_choke_on_is_refused(bad: Any, member: str) -> None:
    (objection,) = judging.judge(wanted(**bad)).objections
    assert objection.member == member
    assert objection.text.startswith(member)
    assert objection.text.isascii()


@each("good", [
    {}, {"authorization_signed_response_alg": "RS256"}, {"dpop_bound_access_tokens": False},
    {"id_token_signed_response_alg": "ES256"}, {"scope": "openid offline_access"},
    {"redirect_uris": ["com.example.app:/cb", "http://127.0.0.1/cb", "http://[::1]:80/"]},
    {"post_logout_redirect_uris": ["https://client.example.org/bye"]},
    {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [RSA]}},
    {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://a.example/"},
    {"jwks": {"keys": []}},
])  # fmt: skip
def test_what_hydra_can_do_passes(good: Any) -> None:
    assert judging.judge(wanted(**good)).objections == ()
    assert stored(wanted(**good))[0] == 201


@each("client_id", ["x" * 256, ".", "..", "a/", "a/../b", "/"])
def test_identifiers_that_could_never_be_read_are_refused(client_id: str) -> None:
    (objection,) = judging.judge(wanted(client_id)).objections
    assert objection.member == "client_id"


@each("client_id", ["x" * 255, "https://a.example/b.json", "a.b", "...", "a b", "\u65e5"])
def test_other_identifiers_pass(client_id: str) -> None:
    assert judging.judge(wanted(client_id)).objections == ()


@each("keys, algorithm", [
    ({"jwks_uri": "https://a.example/"}, "RS256"),
    ({"jwks": {"keys": [RSA]}}, "RS256"),
    ({"jwks": {"keys": [RSA | {"alg": "PS512"}]}}, "PS512"),
    ({"jwks": {"keys": [RSA | {"use": "enc"}, EC]}}, "ES384"),
    ({"jwks": {"keys": [RSA | {"alg": "RSA-OAEP"}, EC]}}, "ES384"),
])  # fmt: skip
def test_the_algorithm_that_was_left_out_is_that_of_the_keys(keys: Any, algorithm: str) -> None:
    """Hydra takes RS256 alone where none is named."""
    client = wanted(token_endpoint_auth_method="private_key_jwt", **keys)
    name = "token_endpoint_auth_signing_alg"
    assert judging.judge(client).corrections == {name: algorithm}
    assert documents.document(client, MARK)[name] == algorithm
    assert judging.judge(wanted(**client.metadata | {name: "PS256"})).corrections == {}


def test_grants_that_hydra_has_not_are_left_out() -> None:
    verdict = judging.judge(wanted(grant_types=["authorization_code", "password"]))
    assert verdict.objections == ()
    assert verdict.corrections == {"grant_types": ["authorization_code"]}


def test_times_are_those_of_every_grant_that_they_are_of() -> None:
    sent = documents.document(
        wanted(
            client_credentials_access_token_lifetime=60,
            authorization_code_access_token_lifetime=120,
            id_token_lifetime=180,
            refresh_token_lifetime=86400,
        ),
        MARK,
    )
    times = {name: each for name, each in sent.items() if name.endswith("_lifespan")}
    assert times.pop("client_credentials_grant_access_token_lifespan") == "60s"
    assert {each for name, each in times.items() if "_access_" in name} == {"120s"}
    assert {each for name, each in times.items() if "_id_" in name} == {"180s"}
    assert {each for name, each in times.items() if "_refresh_token_l" in name} == {"86400s"}
    assert len(times) == 11


@each("written, seconds", [
    ("1h30m0s", 5400), ("90s", 90), ("1m", 60), ("1500ms", 2), ("", None), (None, None),
    ("x", None), (5, None),
])  # fmt: skip
def test_times_of_go_are_read(written: Any, seconds: Any) -> None:
    assert members.seconds(written) == seconds


def test_what_hydra_has_no_name_for_is_kept_aside_for_its_application() -> None:
    client = wanted(
        software_id="s", application_type="web", **{"client_name#fr": "Le client"},
        tags=("unverified",), origin="open", issued_at=7, tenant="acme",
    )  # fmt: skip
    assert documents.document(client, MARK)["metadata"] == {
        "managed_by": "dcrserver",
        "tenant": "acme",
        "origin": "open",
        "tags": ["unverified"],
        "issued_at": 7,
        "members": {"software_id": "s", "application_type": "web", "client_name#fr": "Le client"},
    }


def test_a_client_of_somebody_else_is_told_in_our_words() -> None:
    found: JsonObject = {
        "client_id": "theirs", "client_name": "n", "redirect_uris": [], "jwks": {}, "owner": "",
        "access_token_strategy": "jwt", "metadata": "junk", "client_secret": "never",
        "client_credentials_grant_access_token_lifespan": "1m30s",
    }  # fmt: skip
    remote = documents.remote(found)
    assert (remote.mark, remote.tenant, remote.is_active) == (None, None, True)
    assert remote.metadata == {
        "client_name": "n",
        "access_token_format": "jwt",
        "client_credentials_access_token_lifetime": 90,
    }
    assert "never" not in str(remote)


@each("there, names", [
    ({"client_name": "other"}, ("client_name",)),
    ({"skip_consent": True}, ("skip_consent",)),
    ({"allowed_cors_origins": ["https://a.example"]}, ("allowed_cors_origins",)),
    ({"metadata": {}}, ("metadata",)),
    ({"implicit_grant_id_token_lifespan": "1m0s"}, ("id_token_lifetime",)),
    ({"scope": "whatever the default is", "updated_at": "now", "subject_type": "pairwise"}, ()),
])  # fmt: skip
def test_what_was_changed_there_by_hand_is_named(there: Any, names: tuple[str, ...]) -> None:
    sent = documents.document(wanted(), MARK)
    _, found = stored(wanted())
    assert documents.differences(sent, found | there) == names


def test_every_member_has_a_fate() -> None:
    carriage = members.carriage()
    assert carriage.keys() == PARAMETERS.keys()
    assert {each.fate for each in carriage.values()} == {Fate.CARRIED, Fate.MAPPED, Fate.STORED}


def test_a_warning_tells_of_localhost_and_of_pkce() -> None:
    client = wanted(redirect_uris=["http://localhost:1/cb"], require_pkce=True)
    assert [each.member for each in judging.judge(client).warnings] == [
        "redirect_uris",
        "require_pkce",
    ]
