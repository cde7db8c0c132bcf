"""Step: judges submissions. What was judged before, word for word, is not judged again.

Copies of one program register with the same metadata, by the thousand where the program is a
popular MCP client. The judgement is a function of the submission and the terms alone, so it can
be remembered; credentials are new each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from dcrserver.metadata import ClientMetadata, Terms, validate
from dcrserver.strict_json import JsonObject, dumps

_MAX_REMEMBERED = 256
_MAX_LENGTH = 4096


class Submission(NamedTuple):
    """A body as it came, and what reads it, which raises what is wrong with it as JSON."""

    octets: bytes
    read: Callable[[], JsonObject]


class Judged(NamedTuple):
    """A registration that is acceptable, and the same as it is stored."""

    metadata: ClientMetadata
    text: str


# By the octets of a body, or by the members of an update that are not about the client itself.
_Key: TypeAlias = tuple[Terms, bytes | str]
# They are not metadata, and differ from one update to the next (RFC 7592 2.2).
_ENVELOPE = frozenset({"client_id", "client_secret"})


class Judge:
    """Step: judges submissions by the metadata rules, and remembers the last verdicts."""

    def __init__(self) -> None:
        self._remembered: OrderedDict[_Key, Judged] = OrderedDict()

    def judge(self, submission: Submission, terms: Terms) -> Judged:
        """The registration that ``submission`` asks for, under ``terms``.

        Raises:
            RegistrationError: the submission is not acceptable.
        """
        return self._judged((terms, submission.octets), submission.read)

    def judge_update(self, members: JsonObject, terms: Terms) -> Judged:
        """As ``judge``, but for ``client_id`` and ``client_secret``, which the caller compares."""
        rest = {name: value for name, value in members.items() if name not in _ENVELOPE}
        return self._judged((terms, dumps(rest)), lambda: rest)

    def _judged(self, key: _Key, read: Callable[[], JsonObject]) -> Judged:
        known = self._remembered.get(key)
        if known is not None:
            self._remembered.move_to_end(key)
            return known
        terms, text = key
        metadata = validate(read(), terms)
        judged = Judged(metadata, dumps(metadata.members))
        if len(text) <= _MAX_LENGTH:
            self._remembered[key] = judged
            if len(self._remembered) > _MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return judged
