"""Step: whoever registers or manages itself shows a client certificate, where the policy wants one.

Open banking knows its clients by certificates: OBIE Dynamic Client Registration 3.3, and Open
Finance Brasil Dynamic Client Registration 8.1, which also says whose it must be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from dcrserver import jose
from dcrserver.errors import InvalidToken, MissingToken
from dcrserver.metadata import Policy
from dcrserver.metadata.certificates import ClientCertificate
from dcrserver.metadata.validation import STATEMENT
from dcrserver.services.access.client_access import ClientPermit
from dcrserver.services.access.initial_access_tokens import RegistrationPermit
from dcrserver.services.access.stored_clients import metadata_of, terms_of
from dcrserver.strict_json import JsonObject

CertificateReader: TypeAlias = Callable[[], ClientCertificate | None]

# Attributes of subjects by the names that people use (RFC 4519 2, ETSI EN 319 412-1 5.1.4).
_ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {
        "CN": "2.5.4.3",
        "O": "2.5.4.10",
        "OU": "2.5.4.11",
        "UID": "0.9.2342.19200300.100.1.1",
        "serialNumber": "2.5.4.5",
        "organizationIdentifier": "2.5.4.97",
    }
)
_CLAIM = re.compile(r"\{([^{}]+)\}")


def registering(permit: RegistrationPermit, read: CertificateReader) -> RegistrationPermit:
    """``permit`` with the certificate of the connection, where the policy wants one; of whom the
    statement must speak, ``check_subject`` says.

    Raises:
        BearerError: there is none, or none that anybody vouches for (RFC 8705 3).
    """
    if not permit.terms.policy.mtls.registration_certificate or permit.is_administrator_s:
        return permit
    return permit._replace(certificate=_sound(read()))


def managing(permit: ClientPermit, read: CertificateReader) -> ClientPermit:
    """As ``registering``, of a client that manages itself: the certificate is its own.

    Raises:
        BearerError: as ``registering``, or it is somebody else's.
    """
    if not permit.is_own:
        return permit
    policy = terms_of(permit.tenant, permit.record).policy
    if not policy.mtls.registration_certificate:
        return permit
    certificate = _sound(read())
    held = metadata_of(permit.record).text(STATEMENT)
    check_subject(certificate, jose.parse(held).claims if held else {}, policy)
    return permit._replace(certificate=certificate)


def check_subject(
    certificate: ClientCertificate | None, claims: JsonObject, policy: Policy
) -> None:
    """Whether the certificate is of the software, and of the organisation, of the statement.

    Raises:
        BearerError: it is not, or there is none where the policy wants one.
    """
    if not policy.mtls.registration_certificate:
        return
    if certificate is None:
        raise MissingToken(_MISSING)
    for name, template in policy.mtls.certificate_subject.items():
        wanted = _filled(template, claims)
        if wanted is None or wanted not in certificate.subject.get(_oid(name), ()):
            raise InvalidToken(
                f"the {name} of the client certificate is not what the software statement says"
            )


_MISSING = "a client certificate that somebody trusted signed must be shown (mutual TLS)"


def _sound(certificate: ClientCertificate | None) -> ClientCertificate:
    if certificate is None:
        raise MissingToken(_MISSING)
    if not certificate.verified:
        raise InvalidToken("nobody verified the chain of the client certificate")
    if not certificate.is_valid_now:
        raise InvalidToken("the client certificate has expired, or is not valid yet")
    return certificate


def _oid(name: str) -> str:
    return _ATTRIBUTES.get(name, name)


def _filled(template: str, claims: JsonObject) -> str | None:
    """``template`` with the claims that it names; None where one is no text."""
    said = {name: claims.get(name) for name in _CLAIM.findall(template)}
    if not all(isinstance(value, str) and value for value in said.values()):
        return None
    return _CLAIM.sub(lambda found: str(said[found[1]]), template)
