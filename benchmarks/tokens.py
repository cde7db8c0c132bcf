"""Access tokens per second, by each way in which a client proves who it is.

python benchmarks/tokens.py --seconds 4 --rounds 3 \
    [--postgres postgresql://user@host/database] [--json FILE]

Each method is driven by ``wrk -t1 -c16`` in turn, round after round. Assertions and DPoP proofs
are good once, so as many as can be used are signed before the clock starts.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import datetime as dt
import json
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from jwt.algorithms import ECAlgorithm
from report import keep, show

from harness import Target, dcrserver, drive, listener

CLIENTS = 32
# More than a server answers in a second here, of what can be used once.
MOST_A_SECOND = 2500
FORM = "Content-Type=application/x-www-form-urlencoded;;"
GRANT = {"grant_type": "client_credentials"}
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
METHODS = [
    "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt",
    "tls_client_auth", "self_signed_tls_client_auth",
]  # fmt: skip
KEY = ec.generate_private_key(ec.SECP256R1())
JWK = {**ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "use": "sig", "alg": "ES256"}
NAME = "CN=benchmark"
# headers and form of one request
Request = tuple[str, dict[str, str]]


@dataclass
class Kind:
    """``once``: each request is good once."""

    name: str
    metadata: dict[str, Any]
    request: Callable[[dict[str, Any], str], Request]
    once: bool = False


def _basic(client: dict[str, Any], _: str) -> Request:
    pair = f"{client['client_id']}:{client['client_secret']}"
    return f"Authorization=Basic {base64.b64encode(pair.encode()).decode()};;", {}


def _post(client: dict[str, Any], _: str) -> Request:
    return "", {name: client[name] for name in ("client_id", "client_secret")}


def _assertion(client: dict[str, Any], issuer: str) -> Request:
    now, client_id = int(time.time()), client["client_id"]
    claims = {
        "iss": client_id, "sub": client_id, "aud": issuer, "iat": now, "exp": now + 600,
        "jti": secrets.token_hex(8),
    }  # fmt: skip
    shared = client["token_endpoint_auth_method"] == "client_secret_jwt"
    signed = (
        jwt.encode(claims, client["client_secret"], "HS256")
        if shared
        else jwt.encode(claims, KEY, "ES256")
    )
    return "", {"client_assertion_type": ASSERTION, "client_assertion": signed}


def _proof(client: dict[str, Any], issuer: str) -> Request:
    headers, form = _basic(client, issuer)
    claims = {"htm": "POST", "htu": f"{issuer}/token", "iat": int(time.time()),
              "jti": secrets.token_hex(8)}  # fmt: skip
    public = {name: JWK[name] for name in ("kty", "crv", "x", "y")}
    signed = jwt.encode(claims, KEY, "ES256", headers={"typ": "dpop+jwt", "jwk": public})
    return f"{headers}DPoP={signed};;", form


def _certified(client: dict[str, Any], _: str) -> Request:
    escaped = quote(CERTIFICATE.public_bytes(serialization.Encoding.PEM).decode(), safe="")
    return f"X-Client-Cert={escaped};;X-Client-Verify=SUCCESS;;", {"client_id": client["client_id"]}


def _certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmark")])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder(name, name, KEY.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(KEY, hashes.SHA256())
    )


CERTIFICATE = _certificate()
_DER = base64.b64encode(CERTIFICATE.public_bytes(serialization.Encoding.DER)).decode()
KINDS = [
    Kind("client_secret_basic", {}, _basic),
    Kind("client_secret_post", {}, _post),
    Kind("client_secret_jwt", {}, _assertion, once=True),
    Kind("private_key_jwt", {"jwks": {"keys": [JWK]}}, _assertion, once=True),
    Kind("tls_client_auth", {"tls_client_auth_subject_dn": NAME}, _certified),
    Kind("self_signed_tls_client_auth", {"jwks": {"keys": [{**JWK, "x5c": [_DER]}]}}, _certified),
    Kind("client_secret_basic, DPoP", {}, _proof, once=True),
]


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    settings = {
        "DCR_SECRETS__ENCRYPTION_KEYS": base64.b64encode(bytes(32)).decode(),
        "DCR_AUTHORIZATION_SERVER__TOKEN_ENDPOINT_AUTH_METHODS_SUPPORTED": json.dumps(METHODS),
        "DCR_MUTUAL_TLS__HEADER": "X-Client-Cert",
        "DCR_MUTUAL_TLS__VERIFIED_HEADER": "X-Client-Verify",
        "DCR_MUTUAL_TLS__TRUSTED_PROXIES": "127.0.0.1",
    }
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = {"sqlite": None} | ({"postgresql": options.postgres} if options.postgres else {})
        targets = [
            stack.enter_context(dcrserver(f"dcrserver/{name}", folder, url, settings))
            for name, url in urls.items()
        ]
        for target in targets:
            target.database_pid = listener(options.postgres) if options.postgres else None
            for kind in KINDS:
                _measure(target, kind, folder, 1, counted=False)
        for _ in range(options.rounds):
            for target in targets:
                for kind in KINDS:
                    _measure(target, kind, folder, options.seconds)
        show(targets)
        keep(targets, options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="access tokens per second")
    parser.add_argument("--seconds", type=int, default=4, choices=range(1, 61), metavar="1..60")
    parser.add_argument("--rounds", type=int, default=3, choices=range(1, 11), metavar="1..10")
    parser.add_argument("--postgres", help="URL of an empty database")
    parser.add_argument("--json", metavar="FILE", help="write every sample to this file")
    return parser.parse_args()


def _measure(
    target: Target, kind: Kind, folder: Path, seconds: int, *, counted: bool = True
) -> None:
    issuer = target.url.removesuffix("/register")
    method = kind.name.partition(",")[0]
    body = kind.metadata | {
        "token_endpoint_auth_method": method,
        "grant_types": ["client_credentials"],
        "scope": "profile",
    }
    clients = [httpx.post(target.url, json=body).raise_for_status().json() for _ in range(CLIENTS)]
    count = MOST_A_SECOND * seconds if kind.once else CLIENTS
    with (folder / "requests").open("w") as file:
        for number in range(count):
            headers, form = kind.request(clients[number % CLIENTS], issuer)
            file.write(f"POST\t/token\t{FORM}{headers}\t{urlencode(GRANT | form)}\n")
    sample = drive(target, f"{issuer}/token", seconds, {"REQUESTS": str(folder / "requests")})
    if counted:
        target.samples.setdefault(kind.name, []).append(sample)


if __name__ == "__main__":
    main()
