"""A client as Keycloak is told of it, and compared with what is there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from dcrserver.connectors.client import Fate, WantedClient
from dcrserver.connectors.comparing import digest
from dcrserver.connectors.keycloak import values
from dcrserver.connectors.keycloak.paths import attribute, attributes, document, value
from dcrserver.connectors.keycloak.rows import ROWS, STORED, Row
from dcrserver.metadata.catalogue import PARAMETERS
from dcrserver.strict_json import JsonObject, JsonValue

# Attributes of ours begin so, and mappers.
OURS = "dcrserver."
_MARK, _TENANT, _CLIENT_ID = f"{OURS}mark", f"{OURS}tenant", f"{OURS}client_id"
_PAIRWISE, _AUDIENCE = f"{OURS}pairwise", f"{OURS}audience."
_SALT = "pairwiseSubAlgorithmSalt"
# What the members of these mean is in mappers.
_OF_MAPPERS = {_PAIRWISE: "subject_type", _AUDIENCE: "audience"}
# With these the secret before is there, and facts about both.
_OF_SECRETS = "client.secret."
_SECRETS = frozenset({"secret", "registrationAccessToken"})


class Mark(NamedTuple):
    """Whose a client at Keycloak is: which of our tenants', under which identifier of ours."""

    mark: str
    tenant: str
    client_id: str


def mark_of(remote: Mapping[str, JsonValue]) -> Mark | None:
    """None: nobody marked it."""
    found = attributes(remote)
    mark, tenant, client_id = (found.get(name) for name in (_MARK, _TENANT, _CLIENT_ID))
    return Mark(str(mark), str(tenant or ""), str(client_id or "")) if mark else None


def representation(client: WantedClient, mark: str) -> JsonObject:
    """All that we say of it but its secret, scopes and mappers; what it has not, is emptied."""
    said = {path: write(client.metadata) for _, path, write in _TARGETS}
    return document(said | _beside(client, mark))


_TARGETS: tuple[tuple[Row, str, values.Value], ...] = tuple(
    (row, path, write) for row in ROWS for path, write in row.targets.items()
)


def _beside(client: WantedClient, mark: str) -> dict[str, JsonValue]:
    """What no member says. ``fullScopeAllowed``: tokens would carry all roles of the person."""
    localised = values.localised(client.metadata)
    kept = {_stored(name): values.stored(name)(client.metadata) for name in localised}
    return kept | {
        "clientId": client.client_id,
        "protocol": "openid-connect",
        "enabled": client.is_active,
        "fullScopeAllowed": False,
        "bearerOnly": False,
        attribute(_MARK): mark,
        attribute(_TENANT): client.tenant,
        attribute(_CLIENT_ID): client.client_id,
        attribute(f"{OURS}owner"): client.owner or "",
        attribute(f"{OURS}origin"): client.origin,
        attribute(f"{OURS}tags"): " ".join(client.tags),
        attribute(f"{OURS}issued_at"): str(client.issued_at or ""),
    }


def _stored(name: str) -> str:
    return attribute(f"{STORED}{name}")


def mappers(metadata: JsonObject, salt: str = "") -> list[JsonObject]:
    """What puts pairwise subjects and audiences into its tokens."""
    made = [
        _audience(number, each) for number, each in enumerate(values.texts(metadata, "audience"))
    ]
    if metadata.get("subject_type") == "pairwise":
        sector = str(metadata.get("sector_identifier_uri") or "")
        config: JsonObject = {"sectorIdentifierUri": sector, _SALT: salt}
        made.append(_mapper(_PAIRWISE, "oidc-sha256-pairwise-sub-mapper", config))
    return made


def _audience(number: int, audience: str) -> JsonObject:
    config: JsonObject = {
        "included.custom.audience": audience,
        "access.token.claim": "true",
        "introspection.token.claim": "true",
    }
    return _mapper(f"{_AUDIENCE}{number}", "oidc-audience-mapper", config)


def _mapper(name: str, kind: str, config: JsonObject) -> JsonObject:
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}


def salt_of(mark: str, account_uuid: str) -> str:
    """One for all clients of ours in a realm, as clients of one sector share their subjects
    (OpenID Connect Core 8.1). Only administrators of the realm see the UUID of our account.
    """
    return hashlib.sha256(f"{mark}:{account_uuid}".encode()).hexdigest()


def merged_mappers(wanted: list[JsonObject], remote: Mapping[str, JsonValue]) -> list[JsonValue]:
    """Those of others as they are, and ours; a salt that is there stays, or people would be others.

    Keycloak puts the list in place of its own.
    """
    there = {str(each.get("name")): each for each in _mappers_of(remote)}
    others = [each for name, each in there.items() if not name.startswith(OURS)]
    return [*others, *(_kept(each, there.get(str(each["name"]))) for each in wanted)]


def _kept(wanted: JsonObject, there: JsonObject | None) -> JsonObject:
    if there is None or there.get("protocolMapper") != wanted["protocolMapper"]:
        return wanted
    config, before = dict(_config(wanted)), _config(there)
    if before.get(_SALT):
        config[_SALT] = before[_SALT]
    return wanted | {"id": there.get("id"), "config": config}


def _mappers_of(remote: Mapping[str, JsonValue]) -> list[JsonObject]:
    found = remote.get("protocolMappers")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _config(mapper: Mapping[str, JsonValue]) -> JsonObject:
    found = mapper.get("config")
    return found if isinstance(found, dict) else {}


def forgotten(remote: Mapping[str, JsonValue], wanted: JsonObject) -> JsonObject:
    """Attributes of ours that are there and no longer wanted, emptied."""
    stay = attributes(wanted)
    return {name: "" for name in attributes(remote) if name.startswith(OURS) and name not in stay}


def fingerprint(client: WantedClient, mark: str) -> str:
    """The same for two clients that would be sent the same."""
    scope = sorted(str(client.metadata.get("scope") or "").split())
    sent: list[JsonValue] = [*mappers(client.metadata)]
    return digest([representation(client, mark), sent, [*scope]])


def differing(client: WantedClient, mark: str, remote: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Members of ours in which ``remote`` is not as it would be written, scopes apart."""
    wanted = representation(client, mark)
    found = {row.member for row, path, _ in _TARGETS if value(wanted, path) != value(remote, path)}
    for path in _beside(client, mark):
        if value(wanted, path) != value(remote, path):
            found.add(path.removeprefix("attributes/").removeprefix(STORED).removeprefix(OURS))
    found.update(name.removeprefix(STORED) for name in forgotten(remote, wanted))
    return tuple(sorted(found | _differing_mappers(client.metadata, remote)))


def _differing_mappers(metadata: JsonObject, remote: Mapping[str, JsonValue]) -> set[str]:
    wanted = {str(each["name"]): each for each in mappers(metadata)}
    there = {
        name: each for each in _mappers_of(remote) if (name := str(each["name"])).startswith(OURS)
    }
    return {
        next(member for prefix, member in _OF_MAPPERS.items() if name.startswith(prefix))
        for name in wanted.keys() | there.keys()
        if _compared(wanted.get(name)) != _compared(there.get(name))
    }


def _compared(mapper: JsonObject | None) -> JsonValue:
    """Without what Keycloak adds, empties, or keeps for itself."""
    if mapper is None:
        return None
    names = ("included.custom.audience", "access.token.claim", "sectorIdentifierUri")
    config: JsonObject = {name: each for name in names if (each := _config(mapper).get(name))}
    return {"protocolMapper": mapper.get("protocolMapper"), "config": config}


def without_secrets(remote: JsonObject) -> JsonObject:
    """What administrators may be shown of it."""
    shown: JsonObject = {name: each for name, each in remote.items() if name not in _SECRETS}
    facts: JsonObject = {
        name: each
        for name, each in attributes(remote).items()
        if not name.startswith(_OF_SECRETS) or name.endswith((".time", ".method"))
    }
    kept: list[JsonValue] = [_without_salt(each) for each in _mappers_of(remote)]
    return shown | {"attributes": facts, "protocolMappers": kept}


def _without_salt(mapper: JsonObject) -> JsonObject:
    config: JsonObject = {name: each for name, each in _config(mapper).items() if name != _SALT}
    return mapper | {"config": config}


def lost(metadata: JsonObject) -> JsonObject:
    """Members that Keycloak does not have: None each, for whoever registered them to be told."""
    dropped = {row.member for row in ROWS if row.carriage.fate is Fate.DROPPED}
    if not values.uses_front_channel(metadata):
        dropped.add("frontchannel_logout_uri")
    return {name: None for name in metadata if name in dropped and _says_something(name, metadata)}


def _says_something(name: str, metadata: JsonObject) -> bool:
    row = PARAMETERS.get(name)
    usual = (None, False, row.default if row else None)
    return metadata[name] not in usual
