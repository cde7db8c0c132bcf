"""What is sent to a registration endpoint, and what it made of it."""

from __future__ import annotations

from collections.abc import Mapping

from dcrserver.connectors.client import Carriage, Fate, Objection, WantedClient
from dcrserver.connectors.comparing import full
from dcrserver.metadata import FAMILIES, PARAMETERS
from dcrserver.metadata.fingerprints import normalised
from dcrserver.strict_json import JsonObject, JsonValue

# Members of our own, which no specification has: other servers would refuse or ignore them.
_OURS = frozenset(row.name for row in FAMILIES["extensions"].rows)
# What an answer holds beside metadata, and nobody but the connector is told.
SECRETS = frozenset({"client_secret", "registration_access_token", "registration_client_uri"})
_ASSIGNED = SECRETS | {"client_id", "client_id_issued_at", "client_secret_expires_at"}
_CARRIED = Carriage(Fate.CARRIED, "sent as it is; what the server makes of it is told")
_DROPPED = Carriage(Fate.DROPPED, "no specification has it")


def carriage() -> Mapping[str, Carriage]:
    """Everything that a specification has is sent."""
    return {name: _DROPPED if name in _OURS else _CARRIED for name in PARAMETERS}


def sent(client: WantedClient) -> JsonObject:
    """The metadata as the server is to know them."""
    return {name: value for name, value in client.metadata.items() if name not in _OURS}


def warnings(client: WantedClient) -> tuple[Objection, ...]:
    """Decisions of administrators that the other server is not told of."""
    return tuple(
        Objection(name, f"{name} is not told to the authorization server")
        for name in client.metadata
        if name in _OURS
    )


def changed(wanted: JsonObject, answered: JsonObject) -> JsonObject:
    """What the server stored otherwise, or added; None for what it left out.

    The server may replace whatever it likes, and says so in its answer (RFC 7591 3.2.1).
    """
    known = _known(answered)
    ours, theirs = normalised(wanted), normalised(known)
    names = dict.fromkeys((*wanted, *known))
    return {
        name: full(known.get(name))
        for name in names
        if full(ours.get(_lower(name))) != full(theirs.get(_lower(name)))
    }


def differences(wanted: JsonObject, found: JsonObject) -> tuple[str, ...]:
    """Members that were sent and are there otherwise; what the server adds is its own."""
    return tuple(name for name in changed(wanted, found) if name in wanted)


def told(answered: JsonObject) -> JsonObject:
    """The metadata of an answer."""
    return {name: value for name, value in _known(answered).items() if full(value) is not None}


def _known(answered: JsonObject) -> JsonObject:
    return {
        name: _single(value) if _is_text(name) else value
        for name, value in answered.items()
        if name.partition("#")[0] in PARAMETERS and name not in _ASSIGNED
    }


def _is_text(name: str) -> bool:
    return PARAMETERS[name.partition("#")[0]].kind.schema.get("type") == "string"


def _single(value: JsonValue) -> JsonValue:
    """Glewlwyd tells one text as an array of it."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _lower(name: str) -> str:
    """As ``normalised`` writes language tags."""
    base, sign, tag = name.partition("#")
    return f"{base}{sign}{tag.lower()}"
