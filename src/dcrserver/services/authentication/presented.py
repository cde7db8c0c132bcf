"""What a client presented to prove who it is, and which method that is (RFC 6749 2.3)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import unquote_plus

from dcrserver import jose
from dcrserver.errors import InvalidClient
from dcrserver.metadata.certificates import ClientCertificate

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

# identifier: a client_id alone, which is enough for a public client, or with a certificate.
Form: TypeAlias = Literal["client_secret_basic", "client_secret_post", "assertion", "identifier"]


class Presented(NamedTuple):
    """The parts of a request that can authenticate a client, wherever it was received.

    ``issuer`` (ours if None) and ``endpoint``: which server was called, and by which URL; an
    assertion may name either as its audience.
    ``address``: where the client is, so that it cannot guess for ever.
    """

    parameters: Mapping[str, str] = MappingProxyType({})
    authorization: str | None = None
    certificate: ClientCertificate | None = None
    issuer: str | None = None
    endpoint: str | None = None
    address: str | None = None


class PresentedCredential(NamedTuple):
    """Who the client says it is, and by what it wants to prove it."""

    form: Form
    client_id: str
    secret: str = ""
    assertion: jose.Jws | None = None


def credential_of(presented: Presented) -> PresentedCredential:
    """The one credential in a request: HTTP Basic, form parameters, an assertion, or an id alone.

    Raises:
        InvalidClient: nothing, more than one method, or one that is malformed.
    """
    parameters = presented.parameters
    used = [
        presented.authorization is not None,
        "client_secret" in parameters,
        "client_assertion" in parameters or "client_assertion_type" in parameters,
    ]
    if sum(used) > 1:  # RFC 6749 2.3
        raise InvalidClient("the client must authenticate by one method only")
    if presented.authorization is not None:
        credential = _basic(presented.authorization)
    elif "client_secret" in parameters:
        client_id = parameters.get("client_id", "")
        credential = PresentedCredential(
            "client_secret_post", client_id, parameters["client_secret"]
        )
    elif used[2]:
        credential = _assertion(parameters)
    else:
        credential = PresentedCredential("identifier", parameters.get("client_id", ""))
    if not credential.client_id:
        raise InvalidClient("client authentication is required")
    if parameters.get("client_id", credential.client_id) != credential.client_id:
        raise InvalidClient("client_id is not that of the client that authenticates")
    return credential


def _basic(header: str) -> PresentedCredential:
    """Both parts are form-encoded before they are joined (RFC 6749 2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        decoded = ""
    client_id, colon, secret = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise InvalidClient("the Authorization header must be Basic client authentication")
    return PresentedCredential("client_secret_basic", unquote_plus(client_id), unquote_plus(secret))


def _assertion(parameters: Mapping[str, str]) -> PresentedCredential:
    """RFC 7521 4.2: the assertion itself says who the client is."""
    if parameters.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidClient(f"client_assertion_type must be {ASSERTION_TYPE}")
    try:
        jws = jose.parse(parameters.get("client_assertion", ""))
    except jose.BadJws as error:
        raise InvalidClient(f"client_assertion cannot be accepted: {error}") from None
    if not jws.text("sub") or jws.text("sub") != jws.text("iss"):  # RFC 7523 3, OIDC Core 9
        raise InvalidClient("client_assertion must have the client_id as iss and sub")
    return PresentedCredential("assertion", jws.text("sub"), assertion=jws)
