"""Step: what the statements of a client's policy make of a write, whoever writes.

``SubmissionValidator`` asks here for each of its verdicts, so that nobody who writes can forget to.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from dcrserver.errors import InvalidClientMetadata
from dcrserver.metadata import ClientMetadata, Terms
from dcrserver.metadata.statements import Ruling, ruling
from dcrserver.names import ClientOrigin
from dcrserver.policies.statements.conditions import Circumstances
from dcrserver.services.audit import Origin
from dcrserver.services.audit.actors import ANONYMOUS, ActorKind
from dcrserver.strict_json import JsonObject, JsonValue

_UPDATE = "update"
# Who had registered a client that came to be so.
_REGISTERED_BY: Mapping[str, ActorKind] = MappingProxyType(
    {
        ClientOrigin.OPEN: ActorKind.ANONYMOUS,
        ClientOrigin.INITIAL_ACCESS_TOKEN: ActorKind.INITIAL_ACCESS_TOKEN,
        ClientOrigin.SOFTWARE_STATEMENT: ActorKind.ANONYMOUS,
        ClientOrigin.DOCUMENT: ActorKind.ANONYMOUS,
        ClientOrigin.ADMINISTRATOR: ActorKind.ADMINISTRATOR,
        ClientOrigin.IMPORT: ActorKind.ADMINISTRATOR,
    }
)
_NAMED = frozenset({ActorKind.ADMINISTRATOR, ActorKind.OPERATOR})
_NONE: frozenset[str] = frozenset()


def registered_by(born: str) -> ActorKind:
    """Who registers a client that comes to be so."""
    return _REGISTERED_BY[born]


class Asking(NamedTuple):
    """Who writes a client, and which: ``born`` is how it came, or comes, to be.

    ``updates``: it is there already. ``overrides``: an administrator who may writes past the
    statements, and says so.
    """

    tenant: str
    origin: Origin
    born: str
    updates: bool = False
    overrides: bool = False

    def circumstances(self) -> Circumstances:
        """As statements see it."""
        actor = self.origin.actor
        kinds = {actor.kind.word}
        if actor.kind in _NAMED:
            kinds.add(str(actor))
        if actor.kind is ActorKind.CLIENT:
            kinds.add(registered_by(self.born).word)
        return Circumstances(
            origins=frozenset({self.born, _UPDATE} if self.updates else {self.born}),
            actors=frozenset(kinds),
            tenant=self.tenant,
            address=self.origin.address,
            now=int(time.time()),
            scopes=actor.scopes if actor.kind in _NAMED else _NONE,
        )


ANYBODY = Asking("default", Origin(ANONYMOUS), ClientOrigin.OPEN.word)


class Ruled(NamedTuple):
    """What statements add to a registration that may be.

    ``statements``: the names of those that decided, or would have where they were overridden.
    """

    statements: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    is_held: bool = False
    is_overridden: bool = False

    def told(self) -> JsonObject:
        """For the event of the write."""
        if not self.statements:
            return {}
        name = "policy_override" if self.is_overridden else "policy_statements"
        return {name: list[JsonValue](self.statements)}

    def tagged(self, tags: str | None) -> str | None:
        """``tags`` of a client, as the column has them, and those that statements add."""
        if not self.tags:
            return tags
        return f" {' '.join(dict.fromkeys([*(tags or '').split(), *self.tags]))} "


UNRULED = Ruled()


def ruled(
    submission: JsonObject,
    metadata: ClientMetadata,
    terms: Terms,
    asking: Asking,
    kept: Mapping[str, JsonValue] | None = None,
) -> tuple[ClientMetadata, Ruled]:
    """What is to be stored in place of ``metadata``, which was made of ``submission``.

    Raises:
        RegistrationError: a statement refuses it.
    """
    found = ruling(submission, metadata, terms, asking.circumstances(), kept)
    if asking.overrides:
        return metadata, Ruled(found.statements, is_overridden=True)
    if found.verdict == "hold":
        raise InvalidClientMetadata("needs an approval, which cannot be given here yet")
    return accepted(found), Ruled(found.statements, found.tags)


def accepted(found: Ruling) -> ClientMetadata:
    """What is to be stored.

    Raises:
        RegistrationError: nothing is.
    """
    if found.error is not None:
        raise found.error
    assert found.metadata is not None  # noqa: S101 - one of both is there
    return found.metadata
