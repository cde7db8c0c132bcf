"""The client certificate of a connection, which a proxy that is trusted tells of, or our own TLS
(RFC 8705).
"""

from __future__ import annotations

import ipaddress
from urllib.parse import unquote

from starlette.requests import Request

from dcrserver.edge.dependencies import peer, runtime
from dcrserver.errors import InvalidRequest
from dcrserver.logger import Logger
from dcrserver.metadata.certificates import BadCertificate, ClientCertificate
from dcrserver.settings import MutualTlsSettings

_log = Logger(__name__)
_VERIFIED = "SUCCESS"


def client_certificate(request: Request) -> ClientCertificate | None:
    """The certificate that a configured proxy passes on, or else that of the connection itself;
    None without one.

    Raises:
        InvalidRequest: the proxy sent something that is no certificate.
    """
    here = runtime(request)
    settings = here.settings.mutual_tls
    values = request.headers.getlist(settings.header) if settings.header else []
    if settings.header and _is_trusted(peer(request), settings):
        return _passed_on(request, settings, values) if any(values) else None
    if any(values):
        # Whoever sends it itself wants to be somebody else.
        here.metrics.ignored_certificates.inc()
        _log.warning("client_certificate_ignored", peer=peer(request))
    return _of_connection(request)


def _of_connection(request: Request) -> ClientCertificate | None:
    """Its chain was verified, or the connection would not be."""
    tls = request.scope.get("extensions", {}).get("tls")
    chain = tls["client_cert_chain"] if tls else ()
    return ClientCertificate.from_pem(chain[0], verified=True) if chain else None


def _passed_on(
    request: Request, settings: MutualTlsSettings, values: list[str]
) -> ClientCertificate:
    if len(values) > 1:
        raise InvalidRequest("the client certificate was sent twice")
    verified = bool(settings.verified_header) and (
        request.headers.getlist(settings.verified_header or "") == [_VERIFIED]
    )
    try:
        return _parsed(values[0].strip(), verified=verified)
    except BadCertificate as error:
        raise InvalidRequest(str(error)) from None


def _parsed(value: str, *, verified: bool) -> ClientCertificate:
    """RFC 9440 (base64 between colons), PEM as nginx and others escape it, or plain base64."""
    if value.startswith(":"):
        return ClientCertificate.from_base64(value.strip(":"), verified=verified)
    text = unquote(value)
    if "BEGIN CERTIFICATE" in text:
        return ClientCertificate.from_pem(_unfolded(text), verified=verified)
    return ClientCertificate.from_base64(value, verified=verified)


def _unfolded(pem: str) -> str:
    """Proxies that must not send line breaks send blanks."""
    head, dashes, rest = pem.partition("-----BEGIN CERTIFICATE-----")
    body, end, _ = rest.partition("-----END CERTIFICATE-----")
    return f"{dashes}\n{''.join(body.split())}\n{end}\n" if not head.strip() else pem


def _is_trusted(address: str | None, settings: MutualTlsSettings) -> bool:
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in ipaddress.ip_network(entry) for entry in settings.trusted_proxies)
