"""Step: judges submissions. One that came before, octet by octet, is not judged again.

Copies of one program register with the same metadata, by the thousand where the program is a
popular MCP client. The judgement is a function of the octets and the terms alone, so it can be
remembered; credentials are new each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from dcrserver.metadata import (
    SERVER_ASSIGNED,
    ClientMetadata,
    Terms,
    refuse_server_members,
    validate,
)
from dcrserver.strict_json import JsonObject, dumps

_MAX_REMEMBERED = 256
_MAX_OCTETS = 8192


class Submission(NamedTuple):
    """A body as it came, and what reads it, which raises what is wrong with it as JSON."""

    octets: bytes
    read: Callable[[], JsonObject]


class Judged(NamedTuple):
    """A registration that is acceptable, and the same as it is stored."""

    metadata: ClientMetadata
    text: str


_Key: TypeAlias = tuple[Terms, bytes]


class Judge:
    def __init__(self) -> None:
        self._remembered: OrderedDict[_Key, Judged] = OrderedDict()

    def judge(self, submission: Submission, terms: Terms) -> Judged:
        """
        Raises:
            RegistrationError: the submission is not acceptable.
        """
        key = (terms, submission.octets)
        known = self._remembered.get(key)
        if known is not None:
            self._remembered.move_to_end(key)
            return known
        judged = _judged(submission.read(), terms)
        if len(submission.octets) <= _MAX_OCTETS:
            self._remembered[key] = judged
            if len(self._remembered) > _MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return judged


def _judged(members: JsonObject, terms: Terms) -> Judged:
    if terms.policy.registration.client_supplied_credentials == "reject":
        refuse_server_members(members, frozenset(SERVER_ASSIGNED))
    metadata = validate(members, terms)
    return Judged(metadata, dumps(metadata.members))
