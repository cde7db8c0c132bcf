"""Keys of statement issuers in files: read at the start, or the start is refused with the place."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from dcrserver.services.software_statements import key_files
from dcrserver.services.software_statements.key_files import trusted
from dcrserver.settings import ConfigurationError, StatementIssuerSettings
from dcrserver.signing import public_jwk
from dcrserver.tenants import TrustedIssuer
from harness.cases import each
from harness.statements import ISSUER, key_set, pem
from harness.tls import certified

_KEY = rsa.generate_private_key(65537, 2048)
_SHORT = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 - to be refused
_SPKI = PublicFormat.SubjectPublicKeyInfo
PRIVATE = _KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


NO_KEY = "it holds no public key that fits an algorithm which is accepted"


def _large(members: int) -> bytes:
    more = {f"m{number}": 1 for number in range(members - 1)}
    return json.dumps({"keys": key_set()["keys"][:1]} | more).encode()


def _keys(folder: Path, name: str, content: bytes, **more: Any) -> Any:
    file = folder / "keys"
    file.write_bytes(content)
    entry = StatementIssuerSettings.model_validate({"issuer": ISSUER, name: str(file)} | more)
    return trusted([entry], "software_statements")[ISSUER].keys


def test_keys_come_from_a_jwk_set_or_from_pem(tmp_path: Path) -> None:
    as_set = _keys(tmp_path, "jwks_file", json.dumps(key_set()).encode())
    assert [key["kid"] for key in as_set] == ["ss-1", "ss-2"]
    as_pem = _keys(tmp_path, "pem_file", b"# ours\n" + pem())
    unnamed = [{n: v for n, v in key.items() if n not in {"kid", "use"}} for key in as_set]
    assert [*as_pem] == unnamed


def test_certificates_are_taken_as_pem(tmp_path: Path) -> None:
    _, authority = certified(tmp_path)
    (key,) = _keys(tmp_path, "pem_file", authority.read_bytes())
    assert key["kty"] in {"RSA", "EC"}


@each(
    "name, content, told",
    [
        ("jwks_file", b"{", "the body is not valid JSON..."),
        ("jwks_file", b"[]", "the body is not a JSON object"),
        ("jwks_file", b'{"keys": 1}', "it is no JWK Set (RFC 7517 5)"),
        ("jwks_file", b'{"keys": []}', NO_KEY),
        ("jwks_file", b'{"keys": [{"kty": "oct", "k": "x"}]}', "key 0 is symmetric..."),
        ("jwks_file", json.dumps({"keys": [public_jwk(_SHORT)]}).encode(), "key 0 ..."),
        ("jwks_file", b" " * 1_000_001, "it has more than 1000000 octets"),
        ("jwks_file", _large(1001), "an object has more than 1000 members"),
        ("pem_file", b"", "it is no PEM"),
        ("pem_file", json.dumps(key_set()).encode(), "it is no PEM"),
        ("pem_file", PRIVATE, "it holds a private key; only public ones belong here"),
        (
            "pem_file",
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            "a block of it is no PUBLIC KEY that is understood",
        ),
        (
            "pem_file",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "a block of it is no CERTIFICATE that is understood",
        ),
        ("pem_file", _SHORT.public_bytes(Encoding.PEM, _SPKI), "key 0 ..."),
    ],
)
def test_a_file_of_no_use_is_refused_with_its_place(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _keys(tmp_path, name, content)
    place = f"software_statements.0.{name}: {tmp_path}/keys: "
    said = str(caught.value).removeprefix(place)
    start = told.removesuffix("...")
    assert said == told or (start != told and said.startswith(start))


def test_a_file_may_be_as_large_as_it_may_be(tmp_path: Path) -> None:
    (key,) = _keys(tmp_path, "jwks_file", _large(1000).ljust(1_000_000))
    assert key["kid"] == "ss-1"


def test_no_more_is_read_of_a_file_than_it_may_have() -> None:
    asked: list[int] = []

    class Endless(io.BytesIO):
        def open(self, _: str) -> Endless:
            return self

        def read(self, octets: int | None = -1, /) -> bytes:
            asked.append(octets or 0)
            return b"x"

    assert key_files._content(cast("Path", Endless())) == b"x"  # noqa: SLF001
    assert asked == [1_000_001]


def test_whom_the_configuration_names_is_declared() -> None:
    entry = StatementIssuerSettings(issuer=ISSUER, jwks_uri="https://a.example")
    assert trusted([entry], "a")[ISSUER] == TrustedIssuer(entry, None, declared=True)
    assert not trusted([entry], "a", declared=False)[ISSUER].declared


def test_keys_that_fit_no_algorithm_and_files_that_are_not_there_are_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigurationError, match="no public key that fits an algorithm"):
        _keys(tmp_path, "pem_file", pem(), algorithms=["ES384"])
    gone = StatementIssuerSettings(issuer="a", pem_file=tmp_path / "gone")
    with pytest.raises(ConfigurationError, match=r"^a\.1\.pem_file: .*gone: No such file"):
        trusted([StatementIssuerSettings(issuer="b", jwks_uri="https://a.example"), gone], "a")
