"""Bodies that routes read themselves, bounded while they stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Collection
from urllib.parse import unquote_plus

from starlette.requests import ClientDisconnect, Request

from dcrserver.edge.dependencies import TENANT_KEY, header, runtime, tenant
from dcrserver.errors import (
    BodyTooLarge,
    BodyTooSlow,
    InvalidClientMetadata,
    InvalidInput,
    InvalidRequest,
    UnsupportedMediaType,
)
from dcrserver.metadata import Policy, Terms
from dcrserver.services.registration.judgement import parse_object
from dcrserver.strict_json import BadJson, JsonObject, JsonValue, loads

JSON = "application/json"
# A JSON object a line.
LINES = "application/x-ndjson"
# UK Open Banking says one or the other, by version.
_SIGNED = ("application/jwt", "application/jose")
_OF_REGISTRATIONS = {"refused": (JSON,), "allowed": (JSON, *_SIGNED), "required": _SIGNED}
_MAX_FORM_BYTES = 16384
_MAX_FORM_FIELDS = 50
# Around what is registered, in bodies of administrators.
_ENVELOPE_BYTES = 16384
_ENVELOPE_LEVELS = 2
# A number of as many digits is larger than every limit.
_LENGTH_DIGITS = 20


async def request_object(request: Request) -> JsonObject:
    """The JSON object in the body of a call that is not a registration.

    Raises:
        InvalidRequest: not one strict JSON object.
        ProtocolError: as ``json_octets``.
    """
    policy = tenant(request).terms.policy
    octets = await json_octets(request, policy)
    try:
        return parse_object(octets, policy.json_)
    except InvalidClientMetadata as error:
        raise InvalidRequest(error.description) from None


async def json_octets(
    request: Request, policy: Policy, accepted: Collection[str] = (JSON,)
) -> bytes:
    """The body that should be a JSON object (RFC 7591 3.1), unparsed.

    Raises:
        UnsupportedMediaType: none of ``accepted`` (POL-02).
        BodyTooLarge: more octets than the policy allows (POL-01).
        BodyTooSlow: it did not arrive in time.
    """
    _check_media_type(request, accepted)
    limit = policy.registration.max_body_bytes
    raw = await _read(request, limit)
    if raw is None:
        raise BodyTooLarge(f"the body must not be larger than {limit} octets")
    return raw


def registration_octets(request: Request, terms: Terms) -> Awaitable[bytes]:
    """As ``json_octets``; or a JWT, where a client may, or must, register by one.

    Raises:
        ProtocolError: as ``json_octets``.
    """
    policy = terms.policy
    if not request.scope[TENANT_KEY].reads_statements(policy) or terms.administrator:
        return json_octets(request, policy)
    return json_octets(
        request, policy, _OF_REGISTRATIONS[policy.software_statements.signed_requests]
    )


async def strict_json(request: Request, accepted: Collection[str]) -> tuple[bytes, JsonValue]:
    """The body of an administrator's request, and what it says; null for an empty one.

    Raises:
        UnsupportedMediaType: none of ``accepted``.
        BodyTooLarge, BodyTooSlow: as for a registration, with a little for what is around it.
        InvalidInput: no strict JSON.
    """
    policy = request.scope[TENANT_KEY].terms.policy
    limit = policy.registration.max_body_bytes + _ENVELOPE_BYTES
    if header(request, b"content-type"):
        _check_media_type(request, accepted)
    raw = await _read(request, limit)
    if raw is None:
        raise BodyTooLarge(f"the body must not be larger than {limit} octets")
    if not raw:
        return raw, None
    _check_media_type(request, accepted)
    depth = policy.json_.max_depth + _ENVELOPE_LEVELS
    try:
        return raw, loads(raw, max_depth=depth, max_members=policy.json_.max_members)
    except BadJson as error:
        raise InvalidInput(str(error), pointer="#") from None


async def streamed(
    request: Request, accepted: Collection[str], limit: int, setting: str
) -> AsyncIterator[bytes]:
    """A body that may be large, while it comes; each part of it has its own time to come. The
    ``limit`` is that of a ``setting``.

    Raises:
        UnsupportedMediaType: none of ``accepted``.
        BodyTooLarge: more than ``limit`` octets.
        BodyTooSlow: a part did not arrive in time.
    """
    _check_media_type(request, accepted)
    size, more = 0, True
    while more:
        try:
            with runtime(request).body_deadline:
                message = await request.receive()
        except TimeoutError:
            raise BodyTooSlow("the body did not arrive in time") from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(part)
        if size > limit:
            raise BodyTooLarge(f"the body must not be larger than {limit} octets ({setting})")
        yield part


async def form(request: Request) -> dict[str, str]:
    """The fields of a form (RFC 6749 3.2): each at most once.

    Raises:
        InvalidRequest: another media type, too large, broken, or a field sent twice.
    """
    fields, _ = await form_with(request, "")
    return fields


async def form_with(request: Request, repeatable: str) -> tuple[dict[str, str], list[str]]:
    """As ``form``, and the values of the one field that may be sent more than once."""
    media_type = header(request, b"content-type").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise InvalidRequest("the body must be application/x-www-form-urlencoded")
    raw = await _read(request, _MAX_FORM_BYTES)
    if raw is None:
        raise InvalidRequest("the body is too large")
    try:
        pairs = form_pairs(raw)
    except ValueError:
        raise InvalidRequest("the body is not a valid form") from None
    single = [(name, value) for name, value in pairs if name != repeatable]
    if len(dict(single)) != len(single):
        raise InvalidRequest("a parameter is included more than once")
    # Sent without a value is not sent (RFC 6749 3.1, 3.2).
    fields = {name: value for name, value in single if value}
    return fields, [value for name, value in pairs if name == repeatable and value]


def form_pairs(raw: bytes) -> list[tuple[str, str]]:
    """As ``urllib.parse.parse_qsl``, which looks for escapes where there are none, three times as
    long.

    Raises:
        ValueError: more fields than anybody needs, or not UTF-8 in escapes.
    """
    parts = [part for part in raw.decode("ascii").split("&") if part]
    if len(parts) > _MAX_FORM_FIELDS:
        raise ValueError("too many fields")
    split = [part.partition("=") for part in parts]
    return [(_unescaped(name), _unescaped(value)) for name, _, value in split]


def _unescaped(text: str) -> str:
    return unquote_plus(text, errors="strict") if "%" in text or "+" in text else text


def _check_media_type(request: Request, accepted: Collection[str] = (JSON,)) -> None:
    value = header(request, b"content-type")
    if value in accepted:
        return
    # No parameter means anything, charset neither (RFC 8259 11): what is no UTF-8 is told as such.
    if value.partition(";")[0].strip().lower() not in accepted:
        raise UnsupportedMediaType(f"the body must be {' or '.join(accepted)} in UTF-8")


async def _read(request: Request, limit: int) -> bytes | None:
    """The body, or None as soon as it is known to be larger than ``limit``.

    Raises:
        BodyTooSlow: it did not arrive in time.
    """
    declared = header(request, b"content-length")
    # ``int`` refuses thousands of digits with an exception, also of noughts.
    if declared.isdecimal() and int(declared.lstrip("0")[:_LENGTH_DIGITS] or "0") > limit:
        return None
    parts: list[bytes] = []
    size = 0
    try:
        with runtime(request).body_deadline:
            more = True
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    return None
                parts.append(part)
                more = message.get("more_body", False)
    except TimeoutError:
        raise BodyTooSlow("the body did not arrive in time") from None
    return b"".join(parts)
