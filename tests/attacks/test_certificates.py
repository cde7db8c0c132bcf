"""A client certificate, changed at random, is read or refused and never breaks a request."""

from __future__ import annotations

import base64
import datetime as dt
import random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from conftest import MakeApplication
from dcrserver.metadata.certificates import BadCertificate, ClientCertificate
from harness.application import Application


def _certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string("CN=client,O=Example")
    now = dt.datetime.now(dt.UTC)
    names = [
        x509.DNSName("client.example"),
        x509.UniformResourceIdentifier("https://client.example/"),
        x509.RFC822Name("client@example.org"),
    ]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def _mutations(der: bytes, count: int) -> list[bytes]:
    """Each octet once, and as many again by chance: changed, cut, doubled."""
    chance = random.Random(18)  # noqa: S311 - the same each time
    made = [der[:at] + bytes([der[at] ^ 1 << chance.randrange(8)]) + der[at + 1 :]
            for at in range(len(der))]  # fmt: skip
    while len(made) < count:
        at, end = sorted(chance.sample(range(len(der)), 2))
        made.append(chance.choice((der[:at] + der[end:], der[:end] + der[at:], der[:end])))
    return made


@pytest.mark.finding("S18")
def test_any_mutation_is_read_whole_or_refused() -> None:
    read = refused = 0
    for mutated in _mutations(_certificate(), 2000):
        try:
            found = ClientCertificate.from_base64(base64.b64encode(mutated).decode(), verified=True)
        except BadCertificate:
            refused += 1
        else:
            read += 1
            assert found.is_valid_now in (True, False)
            assert found.is_registered_in({"keys": []}) is False
    assert read > 100
    assert refused > 100


@pytest.mark.finding("S18")
async def test_none_breaks_a_request(make_app: MakeApplication) -> None:
    app: Application = await make_app(
        mutual_tls={"header": "X-Cert", "trusted_proxies": ["203.0.113.7"]}
    )
    form = {"client_id": "0" * 32, "grant_type": "client_credentials"}
    statuses = set()
    for mutated in _mutations(_certificate(), 820):
        header = f":{base64.b64encode(mutated).decode()}:"
        answer = await app.http.post("/token", data=form, headers={"X-Cert": header})
        statuses.add(answer.status_code)
    assert statuses == {400, 401}
