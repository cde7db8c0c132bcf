"""What clients in use send, and what others were refused for: each row is somebody's bug report.

A row is what is sent and what of it must be in the answer, in each preset that is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from conftest import MakeApplication
from harness.application import CALLBACK, Application, bearer, update_of
from harness.clients import PrivateKey, assertion, new_key, public_jwk

_CURSOR = "cursor://anysphere.cursor-mcp/oauth/callback"
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ANY, _TWO = ("default", "mcp", "oidc"), ("default", "mcp")
_PUBLIC = {"token_endpoint_auth_method": "none"}
_WEB = {"redirect_uris": [CALLBACK]}
_P384 = public_jwk(ec.generate_private_key(ec.SECP384R1()), "ES384")
_RSA = rsa.generate_private_key(65537, 2048)


class Case(NamedTuple):
    """``kept``: what the answer holds; ``without``: what it does not; ``refused``: words of the
    refusal, in place of both.
    """

    presets: tuple[str, ...]
    sent: dict[str, Any]
    kept: Mapping[str, Any] = MappingProxyType({})
    without: tuple[str, ...] = ()
    refused: str = ""


_UK = {
    "redirect_uris": ["https://tpp.example.com/r1"], "application_type": "web",
    "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "PS256",
    "grant_types": ["authorization_code", "client_credentials", "refresh_token"],
    "response_types": ["code id_token"], "id_token_signed_response_alg": "PS256",
    "request_object_signing_alg": "PS256", "scope": "openid accounts payments",
    "software_id": "tppSoftware1", "jwks_uri": "https://keystore.example.com/tpp.jwks",
}  # fmt: skip
_BRASIL = {
    "redirect_uris": ["https://app.example.com/cb"], "application_type": "web",
    "grant_types": ["client_credentials", "authorization_code", "refresh_token", "implicit"],
    "response_types": ["code id_token", "id_token"], "id_token_signed_response_alg": "PS256",
    "subject_type": "public", "token_endpoint_auth_method": "private_key_jwt",
    "request_object_signing_alg": "PS256", "require_pushed_authorization_requests": False,
    "tls_client_certificate_bound_access_tokens": True, "software_statement": "e30.e30.x",
    "jwks_uri": "https://keystore.example.com/app.jwks", "client_id": "proposed",
}  # fmt: skip

CASES: dict[str, Case] = {
    # ---- redirection
    "Cursor": Case(
        _TWO, {"redirect_uris": [_CURSOR], **_PUBLIC},
        {"redirect_uris": [_CURSOR], "application_type": "native"}, ("client_secret",),
    ),
    "Cursor with a secret": Case(_TWO, {"redirect_uris": [_CURSOR]}, {"redirect_uris": [_CURSOR]}),
    "Cursor with three kinds of URI": Case(
        _TWO,
        {"redirect_uris": [_CURSOR, "https://www.example.com/cb", "http://localhost:8787/cb"]},
        {"redirect_uris": [_CURSOR, "https://www.example.com/cb", "http://localhost:8787/cb"],
         "application_type": "native"},
    ),
    "Cursor says web": Case(
        ("mcp",), {"redirect_uris": [_CURSOR], "application_type": "web", **_PUBLIC},
        {"application_type": "native"},
    ),
    "a scheme that is a word": Case(
        ("mcp",), {"redirect_uris": ["systemprompt://oauth/callback"], **_PUBLIC},
        {"redirect_uris": ["systemprompt://oauth/callback"], "application_type": "native"},
    ),
    "a scheme that is a word, by default": Case(
        ("default",), {"redirect_uris": ["systemprompt://oauth/callback"], **_PUBLIC},
        refused="policy.redirect.undotted_schemes",
    ),
    "a web application under development": Case(
        ("default",), {"redirect_uris": ["http://localhost/cb", "https://localhost:3000/cb"],
                       "application_type": "web"},
        {"redirect_uris": ["http://localhost/cb", "https://localhost:3000/cb"]},
    ),
    "pages of a program under development": Case(
        _TWO, {"redirect_uris": ["http://localhost:9/cb"], "client_uri": "http://localhost:9/"},
        {"client_uri": "http://localhost:9/"},
    ),
    "which URI is bad": Case(
        _ANY, {"redirect_uris": [CALLBACK, "http%3A%2F%2Flocalhost%3A4200"]}, refused="element 1 "
    ),
    "a colon in the path": Case(
        _TWO, {"redirect_uris": ["https://ai.example.com/oauth/clients/mcp:erp_mcp/callback"]},
        {"redirect_uris": ["https://ai.example.com/oauth/clients/mcp:erp_mcp/callback"]},
    ),
    "http in place of https behind a proxy": Case(
        _TWO, {"redirect_uris": ["http://chat.example.com/cb"]}, refused="use https"
    ),
    "an empty fragment": Case(_ANY, {"redirect_uris": [f"{CALLBACK}#"]}, refused="fragment"),
    "MCP Inspector names its URI twice": Case(
        _ANY, {"redirect_uris": [CALLBACK, CALLBACK]}, {"redirect_uris": [CALLBACK]}
    ),
    # ---- what is empty or not there
    "MCP Inspector sends an empty scope": Case(_ANY, {**_WEB, "scope": ""}),
    "null and empty texts": Case(
        _ANY, {**_WEB, "contacts": None, "logo_uri": "", "token_endpoint_auth_method": ""},
        {"token_endpoint_auth_method": "client_secret_basic"}, ("contacts", "logo_uri"),
    ),
    "Ory Hydra's client without keys": Case(
        _ANY, {**_WEB, "jwks": {}, "contacts": None, "metadata": {}}, {}, ("jwks", "metadata")
    ),
    "empty lists": Case(
        _ANY, {**_WEB, "grant_types": [], "response_types": []},
        {"grant_types": ["authorization_code"], "response_types": ["code"]},
    ),
    # ---- grants
    "one grant is enough": Case(
        _ANY, {**_WEB, "grant_types": ["authorization_code"]},
        {"grant_types": ["authorization_code"]},
    ),
    "a machine has no redirect URI": Case(
        _TWO, {"grant_types": ["client_credentials"]}, {"redirect_uris": [], "response_types": []}
    ),
    "the MCP SDK for Python says code for machines, too": Case(
        ("mcp",),
        {"grant_types": ["client_credentials"], "response_types": ["code"],
         "application_type": "native", "redirect_uris": None},
        {"response_types": [], "redirect_uris": []},
    ),
    "a machine says code, by default": Case(
        ("default",), {"grant_types": ["client_credentials"], "response_types": ["code"]},
        refused="response_types 'code' needs the grant types authorization_code",
    ),
    "claude.ai could use an ID-JAG, too": Case(
        _TWO, {**_WEB, **_PUBLIC, "grant_types": ["authorization_code", _JWT_BEARER]},
        {"grant_types": ["authorization_code"]},
    ),
    # ---- authentication
    "a public client gets no secret": Case(
        _ANY, {**_WEB, **_PUBLIC}, {"token_endpoint_auth_method": "none"},
        ("client_secret", "client_secret_expires_at"),
    ),
    "claude.ai posts its secret": Case(
        _TWO, {**_WEB, "token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": "client_secret_post"},
    ),
    "ChatGPT could do more than it says": Case(
        _TWO,
        {**_WEB, "token_endpoint_auth_method": "private_key_jwt",
         "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
         "jwks_uri": "https://chat.example.com/jwks.json"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        ("token_endpoint_auth_methods_supported",),
    ),
    "ChatGPT leaves the choice": Case(
        _TWO,
        {**_WEB, "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"]},
        {"token_endpoint_auth_method": "none"},
    ),
    "a key that can never authenticate": Case(
        _TWO, {**_WEB, "token_endpoint_auth_method": "private_key_jwt",
               "jwks": {"keys": [_P384]}},
        refused="must hold a signing key for RS256 or ",
    ),
    "a symmetric key": Case(
        _ANY, {**_WEB, "jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, refused="symmetric"
    ),
    # ---- texts
    "names are kept as they are": Case(
        _ANY, {**_WEB, "client_name": "Tom & Jerry's <b>\"App\"</b>"},
        {"client_name": "Tom & Jerry's <b>\"App\"</b>"},
    ),
    "a name that turns the log around": Case(
        _ANY, {**_WEB, "client_name": "a\u202eb"}, refused="client_name must not hold"
    ),
    "a page that runs": Case(_ANY, {**_WEB, "tos_uri": "javascript:alert(1)"}, refused="tos_uri "),
    "scope as a list": Case(_ANY, {**_WEB, "scope": ["openid"]}, refused="scope must be a string"),
    "scopes is no member": Case(_ANY, {**_WEB, "scopes": ["openid"]}, {}, ("scopes",)),
    "another convention": Case(
        _TWO, {"redirectUris": [CALLBACK], "clientName": "x"}, refused="did you mean redirect_uris?"
    ),
    "a type that does not exist": Case(
        _ANY, {**_WEB, "application_type": "desktop"}, refused="web, native"
    ),
    # ---- profiles
    "Solid wants pairwise subjects": Case(
        ("oidc",), {**_WEB, "subject_type": "pairwise", "scope": "openid profile webid"},
        {"subject_type": "pairwise", "scope": "openid profile"},
    ),
    "Solid, where there are none": Case(
        _TWO, {**_WEB, "subject_type": "pairwise"}, refused="supports: public"
    ),
    "a TPP with the claims of its statement": Case(
        ("open-banking-uk",), {**_UK, "iss": "x", "aud": "y", "iat": 1, "exp": 9, "jti": "z"},
        {"response_types": ["code id_token"]}, ("iss", "aud", "exp", "jti"),
    ),
    "the example of Open Finance Brasil": Case(
        ("open-finance-brasil",), _BRASIL,
        {"response_types": ["code id_token"], "require_pushed_authorization_requests": True,
         "grant_types": ["client_credentials", "authorization_code", "refresh_token"]},
    ),
    "a FAPI client with a key for RS256 only": Case(
        ("fapi2",),
        {**_WEB, "token_endpoint_auth_method": "private_key_jwt", "dpop_bound_access_tokens": True,
         "jwks": {"keys": [public_jwk(_RSA, "RS256", alg="RS256")]}},
        refused="must hold a signing key for ",
    ),
}  # fmt: skip
_PRESETS = sorted({preset for case in CASES.values() for preset in case.presets})


@pytest.mark.parametrize("preset", _PRESETS)
async def test_what_clients_in_use_register(make_app: MakeApplication, preset: str) -> None:
    app = await make_app(policy={"preset": preset})
    cases = {name: case for name, case in CASES.items() if preset in case.presets}
    found = {name: await _difference(app, case) for name, case in cases.items()}
    assert {name: told for name, told in found.items() if told} == {}


async def _difference(app: Application, case: Case) -> object:
    """What of the answer is not as it should be; nothing, if all is."""
    answer = await app.http.post("/register", json=case.sent)
    made = answer.json()
    if case.refused:
        right = answer.status_code == 400 and case.refused in made["error_description"]
        return None if right else made
    if answer.status_code != 201:
        return made
    # Strict clients fail on what is there and says nothing.
    silent = [name for name, value in made.items() if value is None or value == ""]
    wrong = {name: made.get(name) for name in case.kept if made.get(name) != case.kept[name]}
    return wrong or silent or [name for name in case.without if name in made]


async def test_all_that_is_registered_is_in_every_answer(app: Application) -> None:
    sent = {
        **_WEB, "client_name": "A", "client_name#de": "B", "contacts": ["x@client.example.com"],
        "client_uri": "https://client.example.com/", "logo_uri": "https://client.example.com/l.png",
        "software_id": "s", "software_version": "1", "scope": "openid profile",
        "token_endpoint_auth_method": "client_secret_post",
    }  # fmt: skip
    client = await app.register(**sent)
    uri, headers = client["registration_client_uri"], bearer(client)
    read = (await app.http.get(uri, headers=headers)).json()
    written = (await app.http.put(uri, headers=headers, json=update_of(client))).json()
    for answer in (client, read, written):
        assert {name: answer.get(name) for name in sent} == sent
        assert answer["registration_client_uri"] == uri
        assert answer["registration_access_token"]


async def test_what_was_read_is_sent_back_as_it_is(app: Application) -> None:
    """Some programs do; what must not be sent is named, each member of it (RFC 7592 2.2)."""
    client = await app.register()
    uri, headers = client["registration_client_uri"], bearer(client)
    answer = await app.http.put(
        uri, headers=headers, json=(await app.http.get(uri, headers=headers)).json()
    )
    assert answer.status_code == 400
    for name in ("registration_access_token", "registration_client_uri", "client_id_issued_at"):
        assert f"{name} must not be sent" in answer.json()["error_description"]


async def test_what_an_update_leaves_out_is_gone(app: Application) -> None:
    client = await app.register(
        logo_uri="https://client.example.com/l.png", contacts=["x"], default_max_age=60
    )
    uri, headers = client["registration_client_uri"], bearer(client)
    sent = {"client_id": client["client_id"], **_WEB}
    written = (await app.http.put(uri, headers=headers, json=sent)).json()
    assert not {"logo_uri", "contacts", "default_max_age"} & written.keys()
    refused = await app.http.put(
        uri, headers={"Authorization": f"Bearer {written['registration_access_token']}"}, json=_WEB
    )
    assert refused.status_code == 400
    assert "client_id" in refused.json()["error_description"]


async def test_another_method_than_the_registered_one_is_told(app: Application) -> None:
    client = await app.register(
        grant_types=["client_credentials"], token_endpoint_auth_method="client_secret_post"
    )
    answer = await app.http.post(
        "/token", data={"grant_type": "client_credentials"},
        auth=(client["client_id"], client["client_secret"]),
    )  # fmt: skip
    assert answer.status_code == 401
    assert "client_secret_post" in answer.json()["error_description"]


@pytest.mark.parametrize("preset", _TWO)
async def test_every_method_that_is_advertised_registers(
    make_app: MakeApplication, preset: str
) -> None:
    app = await make_app(policy={"preset": preset})
    metadata = (await app.http.get("/.well-known/oauth-authorization-server")).json()
    assert None not in metadata.values()
    for method in metadata["token_endpoint_auth_methods_supported"]:
        keys = {"jwks_uri": "https://a.example/keys"} if method == "private_key_jwt" else {}
        client = await app.register(token_endpoint_auth_method=method, **keys)
        assert client["token_endpoint_auth_method"] == method


async def test_a_device_has_no_redirect_uri(make_app: MakeApplication) -> None:
    grants = {"grant_types_supported": [_DEVICE]}
    app = await make_app(authorization_server=grants)
    client = await app.register(redirect_uris=None, grant_types=[_DEVICE], **_PUBLIC)
    assert client["redirect_uris"] == client["response_types"] == []
    assert "client_secret" not in client


_CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256", "PS512", "EdDSA", *_CURVES])
@pytest.mark.parametrize("named", [True, False])
async def test_a_key_that_is_registered_authenticates(
    app: Application, algorithm: str, *, named: bool
) -> None:
    """Or it is refused by name; ``named``: the key says what it is for."""
    curve, is_rsa = _CURVES.get(algorithm), algorithm.startswith(("RS", "PS"))
    key: PrivateKey = (
        ec.generate_private_key(curve) if curve else _RSA if is_rsa else new_key(algorithm)
    )
    jwk = public_jwk(key, algorithm, **({"alg": algorithm} if named else {}))
    sent = {
        "grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [jwk]},
    }  # fmt: skip
    answer = await app.http.post("/register", json=sent)
    if answer.status_code == 400:
        assert "jwks must hold a signing key for RS256 or " in answer.json()["error_description"]
        assert named or not is_rsa
        return
    signing = algorithm if named or not is_rsa else "RS256"
    form = assertion(answer.json()["client_id"], key, signing)
    granted = await app.http.post("/token", data={"grant_type": "client_credentials", **form})
    assert granted.status_code == 200, granted.text
