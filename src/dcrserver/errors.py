"""One class per protocol error. Rendering is in ``edge/errors.py``.

ProtocolError
├── RegistrationError                 RFC 7591 3.2.2: 400, JSON body
│   ├── InvalidRedirectUri
│   ├── InvalidClientMetadata
│   │   ├── UnsupportedMediaType      415
│   │   ├── BodyTooLarge              413
│   │   ├── BadChoice
│   │   │   └── IdentifierTaken       409
│   │   ├── NameTaken                 409
│   │   └── NotItsOwn                 403
│   ├── InvalidSoftwareStatement
│   └── UnapprovedSoftwareStatement
├── BearerError                       RFC 6750 3: challenge in WWW-Authenticate
│   ├── MissingToken                  401, no error code
│   ├── InvalidToken                  401
│   │   └── UnknownToken              401
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
├── BodyTooSlow                       408
├── AuthorizationError                RFC 6749 4.1.2.1: shown to a person, never redirected
├── NotFound                          404
├── BadQuery                          400, discovery
├── AdministrationError               the administrators' API: 400, a problem (RFC 9457)
│   ├── InvalidInput
│   ├── BadDcrConfiguration
│   ├── Forbidden                     403
│   ├── AlreadyExists                 409
│   ├── PreconditionFailed            412
│   ├── KeyReused                     422
│   └── PreconditionRequired          428
├── TooManyRequests                   429
└── Unavailable                       503
    └── QueryTooLong                  503
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol


class Mistake(Protocol):
    """One thing that is wrong with a submission: of which member, and the whole sentence."""

    @property
    def member(self) -> str: ...

    @property
    def text(self) -> str: ...


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
    """A client registration error response (RFC 7591 3.2.2).

    ``mistakes``: what ``description`` is made of, where there is more than one text to it.
    """

    def __init__(
        self, description: str, *, detail: str | None = None, mistakes: Sequence[Mistake] = ()
    ) -> None:
        super().__init__(description, detail=detail)
        self.mistakes = mistakes


class InvalidRedirectUri(RegistrationError):
    """A value of redirect_uris is not acceptable."""

    code = "invalid_redirect_uri"


class InvalidClientMetadata(RegistrationError):
    """Another member, or the body as a whole, is not acceptable."""

    code = "invalid_client_metadata"


class UnsupportedMediaType(InvalidClientMetadata):
    """The body is not application/json in UTF-8."""

    status = 415


class BodyTooLarge(InvalidClientMetadata):
    """The body is larger than ``policy.registration.max_body_bytes``."""

    status = 413


class BadChoice(InvalidClientMetadata):
    """What an administrator chooses for a client, beside its metadata, is not acceptable."""


class IdentifierTaken(BadChoice):
    """An administrator chose a client_id that is another client's."""

    status = 409


class NameTaken(InvalidClientMetadata):
    """A client_name is that of another client, where two must not have the same."""

    status = 409


class NotItsOwn(InvalidClientMetadata):
    """A client must not change its registration (RFC 7592 2.2, 2.3): administrators do."""

    status = 403


class InvalidSoftwareStatement(RegistrationError):
    """A software statement cannot be verified, or contradicts the request."""

    code = "invalid_software_statement"


class UnapprovedSoftwareStatement(RegistrationError):
    """A software statement is good, and its issuer is not trusted here."""

    code = "unapproved_software_statement"


class BearerError(ProtocolError):
    """A refusal of the bearer token, told in the challenge as well (RFC 6750 3)."""

    status = 401


class MissingToken(BearerError):
    """No credentials at all: the challenge carries no error code (RFC 6750 3.1)."""

    code = "invalid_token"


class InvalidToken(BearerError):
    """The token is unknown, expired, revoked, or of another client."""

    code = "invalid_token"


class UnknownToken(InvalidToken):
    """Nobody has this admin token or initial access token: each counts as a guess."""


class InsufficientScope(BearerError):
    """The token is good, and not for this."""

    code = "insufficient_scope"
    status = 403


class InvalidBearerRequest(BearerError):
    """The token was sent in a way, or as often, as RFC 6750 2 does not allow."""

    code = "invalid_request"
    status = 400


class TokenError(ProtocolError):
    """An error response of the token endpoint (RFC 6749 5.2)."""


class InvalidRequest(TokenError):
    """A parameter is missing, repeated or malformed."""

    code = "invalid_request"


class InvalidClient(TokenError):
    """The client did not prove who it is; unknown and wrong are answered alike."""

    code = "invalid_client"
    status = 401


class UnauthorizedClient(TokenError):
    """The client is not registered for this grant type."""

    code = "unauthorized_client"


class UnsupportedGrantType(TokenError):
    """Nobody can use this grant type here."""

    code = "unsupported_grant_type"


class InvalidScope(TokenError):
    """The client asks for scopes that it may not have."""

    code = "invalid_scope"


class InvalidTarget(TokenError):
    """The client asks for a token for a resource that is not served (RFC 8707 2)."""

    code = "invalid_target"


class InvalidDpopProof(TokenError):
    """The DPoP proof is missing, malformed, used before, or for something else."""

    code = "invalid_dpop_proof"


class UnsupportedTokenType(TokenError):
    """Tokens of this type cannot be revoked here (RFC 7009 2.2.1)."""

    code = "unsupported_token_type"


class BodyTooSlow(ProtocolError):
    """The body did not arrive in time: the caller stopped sending."""

    code = "request_timeout"
    status = 408


class AuthorizationError(ProtocolError):
    """An authorization request that must not be answered by a redirect (RFC 6749 4.1.2.1)."""

    code = "invalid_request"


class NotFound(ProtocolError):
    """Nothing is at this path, or nobody knows what was asked for."""

    code = "not_found"
    status = 404


class BadQuery(ProtocolError):
    """The query of a discovery request is missing or malformed (RFC 7033 4.2)."""

    code = "invalid_request"


class AdministrationError(ProtocolError):
    """A refusal that only the administrators' API knows."""


class InvalidInput(AdministrationError):
    """A member of the body (``pointer``, RFC 6901), or a parameter, is not acceptable."""

    code = "invalid_request"

    def __init__(
        self, description: str, *, pointer: str | None = None, parameter: str | None = None
    ) -> None:
        super().__init__(description)
        self.pointer = pointer
        self.parameter = parameter


class BadDcrConfiguration(AdministrationError):
    """What is configured for registration by Asgardeo's API cannot be; their codes tell why."""

    code = "CNF-60517"


class Forbidden(AdministrationError):
    """Whoever asks is known, and must not have this."""

    code = "forbidden"
    status = 403


class AlreadyExists(AdministrationError):
    """There is one of this name, or something is in its way."""

    code = "conflict"
    status = 409


class PreconditionFailed(AdministrationError):
    """It is no longer what If-Match names (RFC 9110 13.1.1): somebody changed it meanwhile."""

    code = "precondition_failed"
    status = 412


class KeyReused(AdministrationError):
    """The Idempotency-Key belongs to another request."""

    code = "idempotency_key_reused"
    status = 422


class PreconditionRequired(AdministrationError):
    """A change without If-Match, where one is demanded (RFC 6585 3)."""

    code = "precondition_required"
    status = 428


class TooManyRequests(ProtocolError):
    """Something was done too often; ``retry_after``: seconds, ``uses``: ``rate_limit.Uses``."""

    code = "too_many_requests"
    status = 429

    def __init__(self, description: str, *, retry_after: int, uses: Sequence[object] = ()) -> None:
        super().__init__(f"{description}; try again in {retry_after} s")
        self.retry_after = retry_after
        self.uses = uses


class Unavailable(ProtocolError):
    """Nobody can be served just now; ``retry_after`` is in seconds."""

    code = "temporarily_unavailable"
    status = 503

    def __init__(
        self, description: str, *, detail: str | None = None, retry_after: int = 5
    ) -> None:
        super().__init__(description, detail=detail)
        self.retry_after = retry_after


class QueryTooLong(Unavailable):
    """What was asked for takes longer to find than anybody may be served."""
