"""What connectors are told of a client, and what they tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from dcrserver.strict_json import JsonObject, JsonValue

_Members: TypeAlias = Mapping[str, JsonValue]
_NONE: _Members = MappingProxyType({})


class WantedClient(NamedTuple):
    """A client as an authorization server is to know it.

    ``metadata``: as registered, names of RFC 7591 and of our extensions (lifetimes in seconds).
    ``is_active`` False: it is suspended, and nothing of it may work. ``issued_at``: seconds.
    ``previous_until``: until when, in seconds since 1970, the secret before the present one works
    beside it; 0: it does not, or no longer. It counts where the connector ``overlaps``, which is
    told of the client again when that time has come.
    """

    tenant: str
    client_id: str
    metadata: JsonObject
    is_active: bool = True
    owner: str | None = None
    tags: tuple[str, ...] = ()
    origin: str = "open"
    issued_at: int = 0
    previous_until: int = 0


class NewSecret(NamedTuple):
    """A secret that the target does not have yet; times are seconds since 1970.

    ``expires_at`` 0: never. ``previous_until``: the one before works on until then, where the
    target can do that; 0: it ends at once. ``is_told`` False: nobody knows it yet, so where the
    target keeps the one before at work only beside a secret of its own making, it may make one,
    which ``Applied.secret`` then tells in its place. True: no other will do.
    """

    value: str
    expires_at: int = 0
    previous_until: int = 0
    is_told: bool = True


class Held(NamedTuple):
    """By what a connector finds a client again.

    ``remote_id``: the target's own identifier. ``kept``: what else the connector must remember
    (a registration access token); it is stored encrypted and never shown.
    """

    remote_id: str
    kept: _Members = _NONE


class Applied(NamedTuple):
    """What became of a client at its target.

    ``changed``: members that the target stored otherwise, or, as None, does not have.
    ``client_id``, ``secret`` and ``secret_expires_at``: where the target makes them itself.
    """

    held: Held
    changed: _Members = _NONE
    client_id: str | None = None
    secret: str | None = None
    secret_expires_at: int = 0


class RemoteClient(NamedTuple):
    """A client as it is at the target.

    ``mark``: by what it is told from others there (``ConnectorSettings.mark``); None: nobody marked
    it. ``tenant``: as marked, or that whose place at the target it is in; None: nobody can tell.
    ``document``: the target's own words, with no secret. ``metadata``: the same in ours. ``kept``:
    what is to be remembered of it from now on, in place of ``Held.kept``; None: that.
    """

    remote_id: str
    client_id: str
    mark: str | None
    document: JsonObject
    metadata: JsonObject
    is_active: bool = True
    tenant: str | None = None
    kept: _Members | None = None


class Fate(StrEnum):
    """What becomes of a member."""

    CARRIED = "carried"  # under a name of the target's, and acted upon there
    MAPPED = "mapped"  # into something that means nearly the same; the words say what
    STORED = "stored"  # kept where the target itself does not look
    DROPPED = "dropped"  # and the client is told


class Carriage(NamedTuple):
    """What a connector does with one member, for ``connector describe`` and for previews."""

    fate: Fate
    words: str = ""


class Objection(NamedTuple):
    """Why a client must not be sent, or what is to be changed before.

    ``text`` is a sentence for the client, which begins with the name of ``member``. A correction
    names the value to register in place of what was sent, None for none.
    """

    member: str
    text: str


class Verdict(NamedTuple):
    """What a connector says of a client before anything is sent."""

    objections: tuple[Objection, ...] = ()
    corrections: _Members = _NONE
    warnings: tuple[Objection, ...] = ()


class Discovered(NamedTuple):
    """What ``connector test`` tells: who answered, and what is amiss (empty: all is well)."""

    server: str
    problems: tuple[str, ...] = ()
    facts: _Members = _NONE
