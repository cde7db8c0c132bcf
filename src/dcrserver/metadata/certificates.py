"""Mutual TLS (RFC 8705): the certificate of a connection against what a client registered."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dcrserver.metadata import jwks, public_keys
from dcrserver.metadata.model import ClientMetadata
from dcrserver.strict_json import JsonValue

_BLANKS = re.compile(r"(?<!\\)\s*([,+])\s*")


class BadCertificate(ValueError):
    """What was presented is no certificate."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """All that is ever asked of one. Read at once: the parser judges each part when it is read.

    ``verified``: somebody who is trusted checked its chain; without, it proves a key alone.
    ``public_key``: its SubjectPublicKeyInfo. ``names``: what it says where each registered member
    looks, in one spelling. ``subject``: the values of its subject by the object identifier of the
    attribute, as they are written.
    """

    verified: bool
    der: bytes
    public_key: bytes
    not_before: datetime
    not_after: datetime
    names: Mapping[str, frozenset[str]]
    subject: Mapping[str, frozenset[str]]

    @classmethod
    def from_pem(cls, text: str, *, verified: bool) -> ClientCertificate:
        """Reads a certificate in PEM.

        Raises:
            BadCertificate: it is not a PEM certificate.
        """
        return cls._read(lambda: x509.load_pem_x509_certificate(text.encode()), verified=verified)

    @classmethod
    def from_base64(cls, text: str, *, verified: bool) -> ClientCertificate:
        """DER in base64, as RFC 9440 2.1 has it between colons.

        Raises:
            BadCertificate: it is not a DER certificate in base64.
        """
        return cls._read(
            lambda: x509.load_der_x509_certificate(base64.b64decode(text, validate=True)),
            verified=verified,
        )

    @classmethod
    def _read(cls, load: Callable[[], x509.Certificate], *, verified: bool) -> ClientCertificate:
        try:
            certificate = load()
            return cls(
                verified,
                certificate.public_bytes(Encoding.DER),
                certificate.public_key().public_bytes(
                    Encoding.DER, PublicFormat.SubjectPublicKeyInfo
                ),
                certificate.not_valid_before_utc,
                certificate.not_valid_after_utc,
                _names(certificate),
                _attributes(certificate.subject),
            )
        except Exception:  # noqa: BLE001 - the parser raises what it likes, ours and its own
            raise BadCertificate("the client certificate cannot be read") from None

    @property
    def thumbprint(self) -> str:
        """x5t#S256 (RFC 8705 3.1)."""
        digest = hashlib.sha256(self.der).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    @property
    def is_valid_now(self) -> bool:
        return self.not_before <= datetime.now(UTC) <= self.not_after

    def is_registered_in(self, keys: JsonValue) -> bool:
        """Whether a checked JWK Set holds the certificate, or where it has none, its key.

        RFC 8705 2.2.2.
        """
        return any(
            base64.b64decode(str(chain[0])) == self.der
            if isinstance(chain := key.get("x5c"), list) and chain
            else public_keys.public_der(key) == self.public_key
            for key in jwks.keys_for(keys, "sig")
        )


def subject_matches(certificate: ClientCertificate, client: ClientMetadata) -> bool:
    """RFC 8705 2.1.2: by the one name that the client registered."""
    registered = [(name, client.text(name)) for name in SUBJECTS if client.has(name)]
    return len(registered) == 1 and all(
        SUBJECTS[name].spelled(value) in certificate.names[name] for name, value in registered
    )


def _distinguished(name: x509.Name) -> str:
    """RFC 4517 4.2.15: case and runs of blanks do not matter; the order of the parts does."""
    return repr(
        [
            sorted((part.oid.dotted_string, _folded(str(part.value))) for part in relative)
            for relative in name.rdns
        ]
    )


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _spelled_name(text: str) -> str:
    """As people write it: RFC 4514 has no blank after a comma, RFC 2253 4 had readers accept it."""
    try:
        return _distinguished(x509.Name.from_rfc4514_string(_BLANKS.sub(r"\1", text)))
    except ValueError:
        return ""


def _spelled_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


class _Subject(NamedTuple):
    """How a registered member is compared: ``read`` finds the names in a certificate, ``spelled``
    brings what was registered into the same spelling.
    """

    read: Callable[[x509.Name, x509.SubjectAlternativeName], Iterable[str]]
    spelled: Callable[[str], str]


# Of each member with Role.CERTIFICATE_SUBJECT: tests/services/test_certificate_names.py.
SUBJECTS: Mapping[str, _Subject] = {
    "tls_client_auth_subject_dn": _Subject(
        lambda subject, _: [_distinguished(subject)],
        _spelled_name,
    ),
    "tls_client_auth_san_dns": _Subject(
        lambda _, names: map(str.casefold, names.get_values_for_type(x509.DNSName)),
        str.casefold,
    ),
    "tls_client_auth_san_uri": _Subject(
        lambda _, names: names.get_values_for_type(x509.UniformResourceIdentifier),
        str,
    ),
    "tls_client_auth_san_ip": _Subject(
        lambda _, names: map(str, names.get_values_for_type(x509.IPAddress)),
        _spelled_address,
    ),
    "tls_client_auth_san_email": _Subject(
        lambda _, names: map(str.casefold, names.get_values_for_type(x509.RFC822Name)),
        str.casefold,
    ),
}


def _attributes(subject: x509.Name) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for each in subject:
        found.setdefault(each.oid.dotted_string, set()).add(str(each.value))
    return {oid: frozenset(values) for oid, values in found.items()}


def _names(certificate: x509.Certificate) -> Mapping[str, frozenset[str]]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    return {
        member: frozenset(subject.read(certificate.subject, names))
        for member, subject in SUBJECTS.items()
    }
