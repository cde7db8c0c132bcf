"""Step: judges submissions. What was judged before, word for word, is not judged again.

Copies of one program register with the same metadata, by the thousand where the program is a
popular MCP client. The judgement is a function of the submission and the terms alone, so it can
be remembered; credentials are new each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from dcrserver.errors import InvalidClientMetadata, InvalidRequest, ProtocolError
from dcrserver.metadata import (
    ClientMetadata,
    Policy,
    Terms,
    beyond,
    refuse_server_members,
    validate,
)
from dcrserver.metadata.plan import withheld
from dcrserver.policies.switches.requests import JsonPolicy
from dcrserver.services.registration.policy import UNRULED, Asking, Ruled, ruled
from dcrserver.strict_json import BadJson, JsonObject, dumps, loads_object

# POL-04: RFC 7591 names no code for a body that is no JSON object.
_MALFORMED: Mapping[str, type[ProtocolError]] = {
    "invalid_client_metadata": InvalidClientMetadata,
    "invalid_request": InvalidRequest,
}

_MAX_REMEMBERED = 256
_MAX_LENGTH = 4096


class ValidSubmission(NamedTuple):
    """A registration that is acceptable, and the same as it is stored; what its policy adds."""

    metadata: ClientMetadata
    text: str
    ruled: Ruled = UNRULED


# By the octets of a body, or by the members of an update that are not about the client itself.
_Key: TypeAlias = tuple[Terms, bytes | str]
# They are not metadata, and differ from one update to the next (RFC 7592 2.2).
_ENVELOPE = frozenset({"client_id", "client_secret"})


class SubmissionValidator:
    """Step: validates submissions by the metadata rules, and remembers the last results.

    The statements of the policy are asked about each anew: they may look at who asks.
    """

    def __init__(self) -> None:
        self._remembered: OrderedDict[_Key, ValidSubmission] = OrderedDict()

    def validate(self, asking: Asking, octets: bytes, terms: Terms) -> ValidSubmission:
        """The registration that the body ``octets`` asks for, under ``terms``.

        Raises:
            ProtocolError: the submission is no JSON object, or not acceptable.
        """
        key = (terms, octets)
        valid = self._known(key) or self._judged(key, registration_in(octets, terms))
        if not terms.policy.decides:
            return valid
        return _ruled(registration_in(octets, terms), valid, asking, terms)

    def validate_update(
        self,
        asking: Asking,
        members: JsonObject,
        terms: Terms,
        before: ClientMetadata,
        kept: JsonObject | None = None,
    ) -> ValidSubmission:
        """As ``validate_members``, but for ``client_id`` and ``client_secret``, which the caller
        compares.

        What is not for its caller to change stays as it is in ``before``.
        """
        rest = {name: value for name, value in members.items() if name not in _ENVELOPE}
        kept = beyond(before.members, terms) | (kept or {})
        return self.validate_members(asking, rest, terms, kept)

    def validate_members(
        self, asking: Asking, members: JsonObject, terms: Terms, kept: JsonObject | None = None
    ) -> ValidSubmission:
        """As ``validate``, of members that were read; ``kept``: see ``metadata.validate``."""
        key = (terms, dumps(members) + (dumps(kept) if kept else ""))
        valid = self._known(key) or self._judged(key, members, kept)
        return _ruled(members, valid, asking, terms, kept) if terms.policy.decides else valid

    def _known(self, key: _Key) -> ValidSubmission | None:
        known = self._remembered.get(key)
        if known is not None:
            self._remembered.move_to_end(key)
        return known

    def _judged(
        self, key: _Key, members: JsonObject, kept: JsonObject | None = None
    ) -> ValidSubmission:
        terms, text = key
        metadata = validate(members, terms, kept or {})
        judged = ValidSubmission(metadata, dumps(metadata.members))
        if len(text) <= _MAX_LENGTH:
            self._remembered[key] = judged
            if len(self._remembered) > _MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return judged


def _ruled(
    members: JsonObject,
    valid: ValidSubmission,
    asking: Asking,
    terms: Terms,
    kept: JsonObject | None = None,
) -> ValidSubmission:
    metadata, made = ruled(members, valid.metadata, terms, asking, kept)
    text = valid.text if metadata is valid.metadata else dumps(metadata.members)
    return ValidSubmission(metadata, text, made)


def parse_object(octets: bytes, policy: JsonPolicy) -> JsonObject:
    """The JSON object of a body, within the limits of ``policy``.

    Raises:
        ProtocolError: not one strict JSON object (POL-03 to POL-07).
    """
    try:
        return loads_object(octets, max_depth=policy.max_depth, max_members=policy.max_members)
    except BadJson as error:
        raise _MALFORMED[policy.malformed_error](str(error)) from None


def registration_in(octets: bytes, terms: Terms) -> JsonObject:
    """The members that the body of a registration holds.

    Raises:
        ProtocolError: it is no JSON object, or holds what only others set, where that is refused.
    """
    members = parse_object(octets, terms.policy.json_)
    if terms.policy.registration.client_supplied_credentials == "reject":
        refuse_server_members(members, withheld(terms))
    return members


def check_method(before: ClientMetadata, metadata: ClientMetadata, policy: Policy) -> None:
    """Whether a client may come to authenticate in another way (POL-55).

    Raises:
        InvalidClientMetadata: the policy binds it to the method it registered with.
    """
    if policy.management.method_change == "reject" and metadata.auth_method != before.auth_method:
        raise InvalidClientMetadata("token_endpoint_auth_method must not be changed")
