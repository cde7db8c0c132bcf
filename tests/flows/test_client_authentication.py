"""Client authentication at the token endpoint: RFC 6749 2.3, RFC 7523, RFC 8705 2."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote_plus

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from conftest import MakeApplication
from dcrserver.fetch import CachingFetcher, Document, FetchError
from dcrserver.settings import OutboundSettings
from harness.actors import OPERATOR
from harness.application import BASE_URL, CALLBACK, Application, application
from harness.clients import (
    ASSERTION_TYPE,
    SANS,
    TOKEN_ENDPOINT,
    PrivateKey,
    assertion,
    certificate,
    escaped,
    new_key,
    pem,
    public_jwk,
)

requirement = pytest.mark.requirement
GRANT = {"grant_type": "client_credentials"}
MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "redirect_uris": []}
METHODS = [
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
]
GROUPS: dict[str, Any] = {
    "authorization_server": {
        "token_endpoint_auth_methods_supported": METHODS,
        "token_endpoint_auth_signing_alg_values_supported": [
            "ES256", "RS256", "PS256", "EdDSA", "HS256", "HS512",
        ],
        "tls_client_certificate_bound_access_tokens": True,
    },
    "secrets": {"encryption_keys": [base64.b64encode(b"k" * 32).decode()]},
    # Where the harness says that requests come from.
    "mutual_tls": {
        "header": "X-Client-Cert",
        "verified_header": "X-Client-Verify",
        "trusted_proxies": ["203.0.113.0/24"],
    },
}  # fmt: skip


@pytest.fixture
async def app(make_app: MakeApplication) -> Application:
    made: Application = await make_app(tokens={"enabled": True}, **GROUPS)
    return made


@pytest.fixture
async def any_app(own_database: str) -> AsyncIterator[Application]:
    async with application(own_database, tokens={"enabled": True}, **GROUPS) as made:
        yield made


async def machine(app: Application, method: str, **metadata: Any) -> dict[str, Any]:
    return await app.register(**MACHINE | {"token_endpoint_auth_method": method} | metadata)


async def with_key(
    app: Application, algorithm: str = "ES256", **metadata: Any
) -> tuple[dict[str, Any], PrivateKey]:
    key = new_key(algorithm)
    keys = {"keys": [public_jwk(key, algorithm, kid="one")]}
    return await machine(app, "private_key_jwt", jwks=keys, **metadata), key


async def ask(
    app: Application, fields: dict[str, str], headers: dict[str, str] | None = None
) -> httpx.Response:
    return await app.http.post("/token", data=GRANT | fields, headers=headers)


def told(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body.get("error", ""), body.get("error_description", "")


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 401 and answer.json()["error"] == "invalid_client"


# Secrets


@requirement("R6749-2.3.1-01")
async def test_basic_credentials_are_form_encoded_first(app: Application) -> None:
    """The trap: an id or secret with reserved characters is encoded before base64."""
    client = await machine(app, "client_secret_basic")
    encoded = [
        quote_plus(client[name]).replace("_", "%5F") for name in ("client_id", "client_secret")
    ]
    header = base64.b64encode(":".join(encoded).encode()).decode()
    answer = await ask(app, {}, {"Authorization": f"basic {header}"})
    assert answer.status_code == 200, answer.text


async def test_more_than_one_method_is_refused(app: Application) -> None:
    client = await machine(app, "client_secret_post")
    good = {name: client[name] for name in ("client_id", "client_secret")}
    assert (await ask(app, good)).status_code == 200
    key = new_key()
    for extra in (assertion(client["client_id"], key), {"client_assertion_type": ASSERTION_TYPE}):
        assert refused(await ask(app, good | extra))
    basic = {"Authorization": "Basic " + base64.b64encode(b"a:b").decode()}
    assert refused(await ask(app, good, basic))
    assert refused(await ask(app, assertion(client["client_id"], key), basic))


@pytest.mark.parametrize("registered", METHODS)
async def test_no_method_but_the_registered_one_lets_a_client_in(
    app: Application, registered: str
) -> None:
    """Row 12 and 17: a secret, a key or a certificate of the client's does not do for another."""
    key = new_key()
    made = certificate(key)
    keys: dict[str, Any] = {"jwks": {"keys": [public_jwk(key, x5c=[base64_der(made)])]}}
    if registered == "tls_client_auth":
        keys = {"tls_client_auth_subject_dn": "CN=client.example.org,O=Example,C=DE"}
    if registered == "none":  # no such client may have the grant
        keys = {"grant_types": ["authorization_code"], "redirect_uris": [CALLBACK]}
    client = await machine(app, registered, **keys if registered not in METHODS[:3] else {})
    client_id, secret = client["client_id"], client.get("client_secret", "none")
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    proven = {"X-Client-Cert": escaped(made), "X-Client-Verify": "SUCCESS"}
    attempts: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "client_secret_basic": ({}, {"Authorization": f"Basic {basic}"}),
        "client_secret_post": ({"client_id": client_id, "client_secret": secret}, {}),
        "client_secret_jwt": (assertion(client_id, secret.ljust(32, "x"), "HS256"), {}),
        "private_key_jwt": (assertion(client_id, key), {}),
        "tls": ({"client_id": client_id}, proven),
        "none": ({"client_id": client_id}, {}),
    }
    lets_in = [
        name
        for name, (fields, headers) in attempts.items()
        if not refused(await ask(app, fields, headers))
    ]
    if registered == "none":
        # It is who it says, and may not have such a token (RFC 6749 4.4).
        assert lets_in == ["tls", "none"]
        assert told(await ask(app, {"client_id": client_id}))[1] == "unauthorized_client"
    else:
        assert lets_in == ["tls" if "tls" in registered else registered]


@requirement("R6749-5.2-03")
async def test_an_unknown_client_and_a_wrong_secret_are_answered_alike(
    any_app: Application,
) -> None:
    """Row 30: status, body and headers, to the octet."""
    client = await machine(any_app, "client_secret_basic")
    gone = await machine(any_app, "client_secret_basic")
    headers = {"Authorization": f"Bearer {gone['registration_access_token']}"}
    await any_app.http.delete(gone["registration_client_uri"], headers=headers)
    answers = []
    for client_id, secret in (
        (client["client_id"], "cs_wrong"),
        ("0" * 32, "cs_wrong"),
        (gone["client_id"], gone["client_secret"]),
        (client["client_id"], gone["client_secret"]),
    ):
        basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        answers.append(
            await ask(any_app, {}, {"Authorization": f"Basic {basic}", "X-Request-ID": "same"})
        )
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    assert len({tuple(answer.headers.items()) for answer in answers}) == 1


# Assertions


@requirement("R7523-3-01", "R7523-3-02", "R7523-3-03")
@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256", "EdDSA"])
async def test_private_key_jwt(app: Application, algorithm: str) -> None:
    client, key = await with_key(app, algorithm)
    for fields in (
        assertion(client["client_id"], key, algorithm),
        assertion(client["client_id"], key, algorithm, {"kid": "one"}, aud=BASE_URL),
        assertion(client["client_id"], key, algorithm, aud=[BASE_URL]),
        assertion(client["client_id"], key, algorithm) | {"client_id": client["client_id"]},
    ):
        answer = await ask(app, fields)
        assert answer.status_code == 200, answer.text


@pytest.mark.finding("S28")
async def test_other_audiences_are_counted_and_taken_where_the_policy_says_so(
    make_app: MakeApplication,
) -> None:
    """Until clients that were made before RFC 10070 have been mended."""
    for mode, status in (("any", 200), ("issuer", 401)):
        app = await make_app(policy={"authentication": {"assertion_audience": mode}})
        client, key = await with_key(app)
        for audience in (TOKEN_ENDPOINT, ["https://other", TOKEN_ENDPOINT], f"{BASE_URL}/"):
            fields = assertion(client["client_id"], key, aud=audience)
            assert (await ask(app, fields)).status_code == status
        assert (await ask(app, assertion(client["client_id"], key))).status_code == 200
        counted = app.runtime.metrics.registry().get_sample_value(
            "dcrserver_assertions_for_other_audiences_total"
        )
        assert counted == 3


async def test_client_secret_jwt(app: Application) -> None:
    client = await machine(app, "client_secret_jwt")
    secret = client["client_secret"]
    assert (await ask(app, assertion(client["client_id"], secret, "HS256"))).status_code == 200
    assert (await ask(app, assertion(client["client_id"], secret, "HS512"))).status_code == 200
    assert refused(await ask(app, assertion(client["client_id"], secret + "x", "HS256")))


@pytest.mark.finding("S16", "S28")
@requirement("R7523-3-01", "R7523-3-02", "R7523-3-03", "R7523-3-04", "R7523-3.2-01")
@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.example"},
        {"aud": TOKEN_ENDPOINT},
        {"aud": f"{BASE_URL}/"},
        {"aud": [BASE_URL, TOKEN_ENDPOINT]},
        {"aud": [BASE_URL, BASE_URL]},
        {"aud": [[BASE_URL]]},
        {"aud": ["https://other.example"]},
        {"aud": ...},
        {"aud": 7},
        {"iss": "other"},
        {"iss": ...},
        {"sub": "other"},
        {"sub": ...},
        {"exp": ...},
        {"exp": 1},
        {"exp": 10**11},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 10**400},
        {"exp": -(10**400)},
        {"nbf": 10**400},
        {"iat": 10**400},
        {"nbf": 10**11},
        {"iat": 10**11},
        {"iat": "now"},
        {"jti": ...},
        {"jti": ""},
        {"jti": "x" * 300},
        {"jti": 7},
    ],
)
async def test_an_assertion_with_a_bad_claim_is_refused(
    app: Application, changes: dict[str, Any]
) -> None:
    client, key = await with_key(app)
    token = {**assertion(client["client_id"], key)}
    claims = jwt.decode(token["client_assertion"], options={"verify_signature": False})
    claims = {name: value for name, value in (claims | changes).items() if value is not ...}
    # The library would not write some of them.
    forged = jwt.api_jws.encode(json.dumps(claims).encode(), key, "ES256")
    assert refused(await ask(app, token | {"client_assertion": forged}))


@requirement("R7523-2.2-01", "R7523-3-07")
async def test_an_assertion_without_a_type_or_of_another_is_refused(app: Application) -> None:
    client, key = await with_key(app)
    good = assertion(client["client_id"], key)
    for changed in (
        {"client_assertion": good["client_assertion"]},
        good
        | {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion_type": ASSERTION_TYPE},
        good | {"client_assertion": "no.jwt.here"},
        good | {"client_assertion": "x" * 9000},
        good | {"client_id": "another"},
    ):
        assert refused(await ask(app, changed))


@requirement("R7523-3-05")
async def test_an_assertion_is_good_once(any_app: Application) -> None:
    """Row 20: also when it comes twenty times at once."""
    client, key = await with_key(any_app)
    fields = assertion(client["client_id"], key)
    answers = await asyncio.gather(*(ask(any_app, fields) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
    assert refused(await ask(any_app, fields))
    other, other_key = await with_key(any_app)
    jti = jwt.decode(fields["client_assertion"], options={"verify_signature": False})["jti"]
    # The identifiers of one client say nothing about another's.
    assert (
        await ask(any_app, assertion(other["client_id"], other_key, jti=jti))
    ).status_code == 200


async def test_an_assertion_is_good_once_at_two_instances(own_database: str) -> None:
    async with (
        application(own_database, **GROUPS) as one,
        application(own_database, **GROUPS) as two,
    ):
        client, key = await with_key(one)
        for _ in range(5):
            fields = assertion(client["client_id"], key)
            answers = await asyncio.gather(*(ask(app, fields) for app in (one, two, one, two)))
            assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


def _forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@requirement("R7523-3-06")
async def test_algorithm_confusion_is_refused(app: Application) -> None:
    """Row 17: none, the public key as an HMAC secret, another family, zero signatures."""
    client, key = await with_key(app, "RS256")
    assert isinstance(key, rsa.RSAPrivateKey)
    client_id = client["client_id"]
    claims = jwt.decode(
        assertion(client_id, key, "RS256")["client_assertion"], options={"verify_signature": False}
    )
    public = key.public_key()
    encodings = [
        public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1),
        public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        json.dumps(public_jwk(key, "RS256")).encode(),
    ]
    forged = [
        _forged({"alg": name}, claims) for name in ("none", "None", "NONE", "nOnE", "", "RS256")
    ]
    forged += [_hmac_forged("HS256", claims, secret) for secret in encodings]
    forged.append(_forged({"alg": "ES256"}, claims, b"\0" * 64))
    forged.append(_forged({"alg": ["RS256"]}, claims))
    evil = new_key("RS256")
    own_jwk = public_jwk(evil, "RS256")
    forged += [
        jwt.encode(claims, evil, "RS256", headers=headers)
        for headers in (
            {"jwk": own_jwk},
            {"jku": "https://evil.example/jwks"},
            {"x5u": "https://evil.example/cert"},
            {"x5c": [base64.b64encode(b"no certificate").decode()]},
            {"kid": "../../../dev/null"},
            {"kid": "' OR 1=1 --"},
        )
    ]
    for token in forged:
        fields = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}
        assert refused(await ask(app, fields)), token
    assert (await ask(app, assertion(client_id, key, "RS256"))).status_code == 200


def _hmac_forged(algorithm: str, claims: dict[str, Any], secret: bytes) -> str:
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    unsigned = _forged({"alg": algorithm}, claims).rstrip(".")
    signature = hmac.digest(secret, unsigned.encode(), hashlib.sha256)
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


async def test_the_algorithm_is_bound_to_the_registration(app: Application) -> None:
    client, key = await with_key(app, "RS256", token_endpoint_auth_signing_alg="PS256")
    assert refused(await ask(app, assertion(client["client_id"], key, "RS256")))
    assert (await ask(app, assertion(client["client_id"], key, "PS256"))).status_code == 200


async def test_the_algorithm_is_bound_to_the_key(app: Application) -> None:
    key = new_key("RS256")
    keys = {"keys": [public_jwk(key, "RS256", alg="PS256")]}
    client = await machine(app, "private_key_jwt", jwks=keys)
    assert refused(await ask(app, assertion(client["client_id"], key, "RS256")))
    assert (await ask(app, assertion(client["client_id"], key, "PS256"))).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": False},
        {"crit": []},
        {"b64": True, "crit": ["b64"]},
        {"kid": 7},
        {"kid": "x" * 200},
        {"kid": "a\nb"},
    ],
)
async def test_headers_that_must_be_understood_are_refused(
    app: Application, headers: dict[str, Any]
) -> None:
    """Rows 18 and 19."""
    client, key = await with_key(app)
    claims = jwt.decode(
        assertion(client["client_id"], key)["client_assertion"],
        options={"verify_signature": False},
    )
    unsigned = _forged({"alg": "ES256"} | headers, claims).rstrip(".")
    from jwt.algorithms import ECAlgorithm  # noqa: PLC0415

    signature = ECAlgorithm(ECAlgorithm.SHA256).sign(unsigned.encode(), key)  # type: ignore[arg-type]
    token = f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    fields = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}
    assert refused(await ask(app, fields))


async def test_a_client_may_not_sign_for_another(app: Application) -> None:
    """Row 13, for keys: N clients and N keys."""
    clients = [await with_key(app) for _ in range(4)]
    for number, (client, _) in enumerate(clients):
        for other, (_, key) in enumerate(clients):
            answer = await ask(app, assertion(client["client_id"], key))
            assert (answer.status_code == 200) == (number == other)


# Keys by reference


class Keys:
    """A jwks_uri in memory; the only seam to the outside."""

    def __init__(self, keys: list[dict[str, Any]]) -> None:
        self.keys = keys
        self.asked = 0

    async def fetch(self, url: str) -> Document:
        self.asked += 1
        if not self.keys:
            raise FetchError(f"{url} is away")
        return Document(json.dumps({"keys": self.keys}).encode(), "application/json")


def serve(app: Application, keys: Keys, monkeypatch: pytest.MonkeyPatch, **settings: float) -> None:
    fetcher = CachingFetcher(keys, OutboundSettings(**{"cache_seconds": 300.0, **settings}))
    holder = app.runtime.token_grant._authenticator._keys  # noqa: SLF001 - the seam
    monkeypatch.setattr(holder, "_fetcher", fetcher)


async def test_keys_by_reference_rotate(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = new_key(), new_key()
    keys = Keys([public_jwk(old, kid="old")])
    serve(app, keys, monkeypatch)
    client = await machine(app, "private_key_jwt", jwks_uri="https://client.example.org/jwks")
    client_id = client["client_id"]
    assert (await ask(app, assertion(client_id, old, headers={"kid": "old"}))).status_code == 200
    assert (await ask(app, assertion(client_id, old, headers={"kid": "old"}))).status_code == 200
    assert keys.asked == 1
    keys.keys = [public_jwk(new, kid="new")]
    assert (await ask(app, assertion(client_id, new, headers={"kid": "new"}))).status_code == 200
    assert keys.asked == 2
    assert refused(await ask(app, assertion(client_id, old, headers={"kid": "old"})))


async def test_invented_kids_do_not_make_us_fetch(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 19: a thousand random kids, at most one fetch more in half a minute."""
    key = new_key()
    keys = Keys([public_jwk(key, kid="one")])
    serve(app, keys, monkeypatch)
    client = await machine(app, "private_key_jwt", jwks_uri="https://client.example.org/jwks")
    for number in range(1000):
        fields = assertion(client["client_id"], key, headers={"kid": f"invented-{number}"})
        assert refused(await ask(app, fields))
    assert keys.asked == 2


@pytest.mark.finding("R1")
async def test_keys_that_cannot_be_had_are_no_wrong_credentials(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Keys([])
    serve(app, keys, monkeypatch)
    client = await machine(app, "private_key_jwt", jwks_uri="https://client.example.org/jwks")
    answer = await ask(app, assertion(client["client_id"], new_key()))
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"]
    assert "away" not in answer.text


@pytest.mark.finding("R1")
async def test_keys_that_were_read_last_go_on_for_a_while(
    make_app: MakeApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make_app()
    key = new_key()
    keys = Keys([public_jwk(key)])
    serve(app, keys, monkeypatch, cache_seconds=0, cache_failure_seconds=0)
    client = await machine(app, "private_key_jwt", jwks_uri="https://client.example.org/jwks")
    assert (await ask(app, assertion(client["client_id"], key))).status_code == 200
    keys.keys = []
    assert (await ask(app, assertion(client["client_id"], key))).status_code == 200
    assert refused(await ask(app, assertion(client["client_id"], new_key())))


# Certificates


def by_proxy(made: Any, verify: str = "SUCCESS") -> dict[str, str]:
    return {"X-Client-Cert": escaped(made), "X-Client-Verify": verify}


@requirement("R8705-2.1-01", "R8705-2-02")
async def test_a_subject_name_authenticates(app: Application) -> None:
    client = await machine(
        app, "tls_client_auth", tls_client_auth_subject_dn="CN=Client.example.org, O=example, C=de"
    )
    fields = {"client_id": client["client_id"]}
    good = certificate(new_key(), "CN=client.example.org,O=Example,C=DE")
    assert (await ask(app, fields, by_proxy(good))).status_code == 200
    for bad in (
        by_proxy(certificate(new_key(), "CN=other.example.org,O=Example,C=DE")),
        by_proxy(certificate(new_key(), "C=DE,O=Example,CN=client.example.org")),
        by_proxy(certificate(new_key(), "CN=client.example.org,O=Example,C=DE,L=Bonn")),
        by_proxy(good, "FAILED:unable to verify the first certificate"),
        by_proxy(good, "NONE"),
        {"X-Client-Cert": escaped(good)},
        by_proxy(certificate(new_key(), days=(-3, -1))),
        by_proxy(certificate(new_key(), days=(1, 3))),
        {},
    ):
        assert refused(await ask(app, fields, bad))


@pytest.mark.parametrize("member", SANS)
async def test_an_alternative_name_authenticates(app: Application, member: str) -> None:
    registered, name = SANS[member]
    client = await machine(app, "tls_client_auth", **{member: registered})
    fields = {"client_id": client["client_id"]}
    assert (await ask(app, fields, by_proxy(certificate(new_key(), san=[name])))).status_code == 200
    assert refused(await ask(app, fields, by_proxy(certificate(new_key()))))
    other = [SANS[each][1] for each in SANS if each != member]
    assert refused(await ask(app, fields, by_proxy(certificate(new_key(), san=other))))


def base64_der(made: x509.Certificate) -> str:
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


@requirement("R8705-2.2-02")
async def test_a_self_signed_certificate_authenticates(app: Application) -> None:
    key = new_key()
    made = certificate(key)
    keys = {"keys": [public_jwk(key, x5c=[base64_der(made)])]}
    client = await machine(app, "self_signed_tls_client_auth", jwks=keys)
    fields = {"client_id": client["client_id"]}
    assert (await ask(app, fields, by_proxy(made, "NONE"))).status_code == 200
    assert refused(await ask(app, fields, by_proxy(certificate(new_key()))))
    # Another certificate for the same key is not the one that was registered.
    assert refused(await ask(app, fields, by_proxy(certificate(key))))


async def test_keys_by_reference_may_come_without_certificates(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key()
    serve(app, Keys([public_jwk(new_key()), public_jwk(key)]), monkeypatch)
    client = await machine(
        app, "self_signed_tls_client_auth", jwks_uri="https://client.example.org/jwks"
    )
    fields = {"client_id": client["client_id"]}
    assert (await ask(app, fields, by_proxy(certificate(key)))).status_code == 200
    assert refused(await ask(app, fields, by_proxy(certificate(new_key()))))


@pytest.mark.parametrize("form", ["escaped", "rfc9440", "base64", "blanks"])
async def test_proxies_write_certificates_in_many_ways(app: Application, form: str) -> None:
    key = new_key()
    made = certificate(key)
    der = base64_der(made)
    value = {
        "escaped": escaped(made),
        "rfc9440": f":{der}:",
        "base64": der,
        "blanks": pem(made).replace("\n", " ").strip(),
    }[form]
    keys = {"keys": [public_jwk(key, x5c=[der])]}
    client = await machine(app, "self_signed_tls_client_auth", jwks=keys)
    answer = await ask(app, {"client_id": client["client_id"]}, {"X-Client-Cert": value})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "value", ["no certificate", ":AAAA:", "-----BEGIN CERTIFICATE-----", "%ff"]
)
async def test_what_is_no_certificate_is_a_bad_request(app: Application, value: str) -> None:
    answer = await ask(app, {"client_id": "x"}, {"X-Client-Cert": value})
    assert told(answer)[:2] == (400, "invalid_request")


async def test_a_certificate_from_anybody_else_is_ignored(make_app: MakeApplication) -> None:
    """Row 28: only the named proxies can tell of certificates; the rest is counted."""
    groups = GROUPS | {"mutual_tls": GROUPS["mutual_tls"] | {"trusted_proxies": ["10.0.0.0/8"]}}
    app = await make_app(**groups)
    client = await machine(
        app, "tls_client_auth", tls_client_auth_subject_dn="CN=client.example.org,O=Example,C=DE"
    )
    headers = by_proxy(certificate(new_key())) | {"X-Forwarded-For": "10.0.0.1"}
    assert refused(await ask(app, {"client_id": client["client_id"]}, headers))
    metrics = (await app.http.get("/metrics")).text
    assert "dcrserver_ignored_client_certificates_total 1.0" in metrics


async def test_a_suspended_client_is_let_in_by_nothing(any_app: Application) -> None:
    client, key = await with_key(any_app)
    tenant, lifecycle = any_app.runtime.default_tenant, any_app.operations.client_lifecycle

    await lifecycle.suspend(tenant, client["client_id"], OPERATOR)
    assert refused(await ask(any_app, assertion(client["client_id"], key)))
    await lifecycle.resume(tenant, client["client_id"], OPERATOR)
    assert (await ask(any_app, assertion(client["client_id"], key))).status_code == 200
