"""A client in Hydra's words, and back."""

from __future__ import annotations

from dcrserver.connectors import comparing
from dcrserver.connectors.client import RemoteClient, WantedClient
from dcrserver.connectors.hydra.judging import corrections
from dcrserver.connectors.hydra.members import FILLED_IN, ROWS, THEIRS, aside, seconds, signed
from dcrserver.strict_json import JsonObject, JsonValue

# Hydra has no switch: nobody signs in without a redirect URI, and a grant type of no meaning lets
# neither refresh tokens nor client credentials work. What depends on redirect URIs goes with them:
# Hydra would refuse post_logout_redirect_uris, and read sector_identifier_uri of a dead client.
SUSPENDED = "suspended"
_BY_REDIRECTS = ("redirect_uris", "post_logout_redirect_uris", "sector_identifier_uri")
_SECRETS = frozenset({"client_secret", "registration_access_token", "registration_client_uri"})


def document(client: WantedClient, mark: str) -> JsonObject:
    """The whole client as it is sent, without a secret: what is not named here, a PUT clears."""
    members: JsonObject = client.metadata | corrections(client.metadata)
    made: JsonObject = {"client_id": client.client_id}
    for row in ROWS:
        value = members.get(row.member)
        sent = None if value is None else row.there(value)
        if comparing.full(sent) is not None:
            made |= dict.fromkeys(row.names, sent)
    if client.owner:
        made["owner"] = client.owner
    made["metadata"] = _metadata(client, mark)
    if not client.is_active:
        made["grant_types"] = [SUSPENDED]
        made = {name: value for name, value in made.items() if name not in _BY_REDIRECTS}
    return made


def _metadata(client: WantedClient, mark: str) -> JsonObject:
    """What the login and consent application is given with each challenge."""
    return {
        "managed_by": mark,
        "tenant": client.tenant,
        "origin": client.origin,
        "tags": list[JsonValue](client.tags),
        "issued_at": client.issued_at,
        "members": aside(client.metadata),
    }


def remote(found: JsonObject) -> RemoteClient:
    """A client as Hydra tells it."""
    client_id = str(found.get("client_id"))
    told = found.get("metadata")
    noted: JsonObject = told if isinstance(told, dict) else {}
    mark, tenant = noted.get("managed_by"), noted.get("tenant")
    return RemoteClient(
        remote_id=client_id,
        client_id=client_id,
        mark=mark if isinstance(mark, str) else None,
        tenant=tenant if isinstance(tenant, str) else None,
        document={name: value for name, value in found.items() if name not in _SECRETS},
        metadata=_members(found, noted),
        is_active=found.get("grant_types") != [SUSPENDED],
    )


def _members(found: JsonObject, noted: JsonObject) -> JsonObject:
    made: JsonObject = {}
    for row in ROWS:
        value = row.back(found.get(row.names[0]))
        if comparing.full(value) is not None:
            made[row.member] = value
    kept = noted.get("members")
    return made | (kept if isinstance(kept, dict) else {})


def changed(client: WantedClient, sent: JsonObject, answered: JsonObject) -> JsonObject:
    """Members that Hydra has otherwise than they were registered, as it has them."""
    made = corrections(client.metadata)
    for row in ROWS:
        name = row.names[0]
        if name not in sent and name not in FILLED_IN:
            continue
        there = _normal(name, answered.get(name))
        if there != _normal(name, sent.get(name)):
            made[row.member] = row.back(answered.get(name)) if there else None
    return made


def differences(wanted: JsonObject, found: JsonObject) -> tuple[str, ...]:
    """The members, by our names where they have one, in which the two documents differ."""
    names = {name: row.member for row in ROWS for name in row.names}
    names |= {name: name for name in (*THEIRS, "owner", "metadata")}
    return tuple(
        dict.fromkeys(
            member
            for name, member in names.items()
            if not (name in FILLED_IN and name not in wanted)
            and _normal(name, wanted.get(name)) != _normal(name, found.get(name))
        )
    )


def _normal(name: str, value: JsonValue) -> JsonValue:
    """What makes no difference taken away: how a time is written, and what is not there."""
    if name.endswith("_lifespan"):
        return seconds(value)
    if name == "jwks" and isinstance(value, dict):
        return value if value.get("keys") else None
    if name == "userinfo_signed_response_alg":
        return signed(value)
    return value or None
