"""Step: the trusted issuers of a configuration, with the keys that files of ours hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from dcrserver import signing
from dcrserver.metadata import jwks
from dcrserver.metadata.model import Unacceptable
from dcrserver.policies import JwksPolicy
from dcrserver.settings import ConfigurationError, StatementIssuerSettings
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, loads_object
from dcrserver.tenants import TrustedIssuer

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_MAX_OCTETS = 1_000_000
_MAX_MEMBERS = 1000
_POLICY = JwksPolicy()


def trusted(
    entries: Iterable[StatementIssuerSettings], place: str, *, declared: bool = True
) -> Mapping[str, TrustedIssuer]:
    """By issuer; ``place`` is the key of the list of ``entries``.

    Raises:
        ConfigurationError: a file cannot be read, or holds no key that fits.
    """
    return {
        entry.issuer: TrustedIssuer(entry, _keys(entry, f"{place}.{index}"), declared)
        for index, entry in enumerate(entries)
    }


def _keys(entry: StatementIssuerSettings, place: str) -> tuple[JsonObject, ...] | None:
    """
    Raises:
        ConfigurationError: as ``trusted``.
    """
    if entry.jwks_uri is not None:
        return None
    name, file, read = (
        ("jwks_file", entry.jwks_file, _of_set)
        if entry.jwks_file is not None
        else ("pem_file", entry.pem_file or Path(), _of_pem)
    )
    try:
        keys = read(_content(file))
        jwks.check({"keys": keys}, _POLICY)
    except OSError as error:
        raise ConfigurationError(f"{place}.{name}: {file}: {error.strerror}") from None
    except (BadJson, Unacceptable, ValueError) as error:
        raise ConfigurationError(f"{place}.{name}: {file}: {error}") from None
    if not any(jwks.has_key_for({"keys": keys}, "sig", each) for each in entry.algorithms):
        told = "it holds no public key that fits an algorithm which is accepted"
        raise ConfigurationError(f"{place}.{name}: {file}: {told}")
    return tuple(key for key in keys if isinstance(key, dict))


def _content(file: Path) -> bytes:
    with file.open("rb") as opened:
        content = opened.read(_MAX_OCTETS + 1)
    if len(content) > _MAX_OCTETS:
        raise ValueError(f"it has more than {_MAX_OCTETS} octets")
    return content


def _of_set(content: bytes) -> list[JsonValue]:
    keys = loads_object(content, max_members=_MAX_MEMBERS).get("keys")
    if isinstance(keys, list):
        return keys
    raise BadJson("it is no JWK Set (RFC 7517 5)")


def _of_pem(content: bytes) -> list[JsonValue]:
    """The keys of all blocks: public keys, and those of certificates."""
    keys = [
        _of_block(block.group(0), block.group(1).decode()) for block in _BLOCK.finditer(content)
    ]
    if not keys:
        raise ValueError("it is no PEM")
    return [*keys]


def _of_block(block: bytes, kind: str) -> JsonObject:
    if "PRIVATE KEY" in kind:
        raise ValueError("it holds a private key; only public ones belong here")
    is_certificate = kind == "CERTIFICATE"
    try:
        key = (
            x509.load_pem_x509_certificate(block).public_key()
            if is_certificate
            else load_pem_public_key(block)
        )
        return signing.public_jwk(key)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"a block of it is no {kind} that is understood") from None
