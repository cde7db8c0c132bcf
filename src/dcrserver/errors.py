"""One class per protocol error. Rendering is in ``edge/errors.py``.

ProtocolError
├── RegistrationError                 RFC 7591 3.2.2: 400, JSON body
│   ├── InvalidRedirectUri
│   ├── InvalidClientMetadata
│   │   ├── UnsupportedMediaType      415
│   │   └── BodyTooLarge              413
│   ├── InvalidSoftwareStatement
│   └── UnapprovedSoftwareStatement
├── BearerError                       RFC 6750 3: challenge in WWW-Authenticate
│   ├── MissingToken                  401, no error code
│   ├── InvalidToken                  401
│   ├── InsufficientScope             403
│   └── InvalidBearerRequest          400
├── TokenError                        RFC 6749 5.2
│   ├── InvalidRequest
│   ├── InvalidClient                 401
│   ├── UnauthorizedClient
│   ├── UnsupportedGrantType
│   ├── InvalidScope
│   ├── InvalidTarget                 RFC 8707 2
│   ├── InvalidDpopProof              RFC 9449 5
│   └── UnsupportedTokenType          RFC 7009 2.2.1
├── AuthorizationError                RFC 6749 4.1.2.1: shown to a person, never redirected
├── NotFound                          404
├── BadQuery                          400, discovery
├── TooManyRequests                   429
└── Unavailable                       503
"""

from __future__ import annotations

from typing import ClassVar


class ProtocolError(Exception):
    """An answer to a request that cannot be served.

    ``description`` is for the caller and travels on the wire; ``detail`` is for the log only, so
    that a failed fetch never tells an anonymous caller what our network looks like.
    """

    code: ClassVar[str] = "server_error"
    status: ClassVar[int] = 400

    def __init__(self, description: str, *, detail: str | None = None) -> None:
        super().__init__(description)
        self.description = description
        self.detail = detail


class RegistrationError(ProtocolError):
    """A client registration error response (RFC 7591 3.2.2)."""


class InvalidRedirectUri(RegistrationError):
    code = "invalid_redirect_uri"


class InvalidClientMetadata(RegistrationError):
    code = "invalid_client_metadata"


class UnsupportedMediaType(InvalidClientMetadata):
    status = 415


class BodyTooSlow(ProtocolError):
    """The caller stopped sending."""

    code = "request_timeout"
    status = 408


class BodyTooLarge(InvalidClientMetadata):
    status = 413


class InvalidSoftwareStatement(RegistrationError):
    code = "invalid_software_statement"


class UnapprovedSoftwareStatement(RegistrationError):
    code = "unapproved_software_statement"


class BearerError(ProtocolError):
    """A refusal of the bearer token, told in the challenge as well (RFC 6750 3)."""

    status = 401


class MissingToken(BearerError):
    """No credentials at all: the challenge carries no error code (RFC 6750 3.1)."""

    code = "invalid_token"


class InvalidToken(BearerError):
    code = "invalid_token"


class InsufficientScope(BearerError):
    code = "insufficient_scope"
    status = 403


class InvalidBearerRequest(BearerError):
    code = "invalid_request"
    status = 400


class TokenError(ProtocolError):
    """An error response of the token endpoint (RFC 6749 5.2)."""


class InvalidRequest(TokenError):
    code = "invalid_request"


class InvalidClient(TokenError):
    code = "invalid_client"
    status = 401


class UnauthorizedClient(TokenError):
    code = "unauthorized_client"


class UnsupportedGrantType(TokenError):
    code = "unsupported_grant_type"


class InvalidScope(TokenError):
    code = "invalid_scope"


class InvalidTarget(TokenError):
    code = "invalid_target"


class InvalidDpopProof(TokenError):
    code = "invalid_dpop_proof"


class UnsupportedTokenType(TokenError):
    code = "unsupported_token_type"


class AuthorizationError(ProtocolError):
    """An authorization request that must not be answered by a redirect (RFC 6749 4.1.2.1)."""

    code = "invalid_request"


class NotFound(ProtocolError):
    code = "not_found"
    status = 404


class BadQuery(ProtocolError):
    code = "invalid_request"


class TooManyRequests(ProtocolError):
    """``retry_after`` is in seconds; it is told in words as well."""

    code = "too_many_requests"
    status = 429

    def __init__(self, description: str, *, retry_after: int) -> None:
        super().__init__(f"{description}; try again in {retry_after} s")
        self.retry_after = retry_after


class Unavailable(ProtocolError):
    """``retry_after`` is in seconds."""

    code = "temporarily_unavailable"
    status = 503

    def __init__(
        self, description: str, *, detail: str | None = None, retry_after: int = 5
    ) -> None:
        super().__init__(description, detail=detail)
        self.retry_after = retry_after
