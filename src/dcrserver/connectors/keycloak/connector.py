"""Keycloak as a target."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import ClassVar

from dcrserver.connectors.client import (
    Applied,
    Carriage,
    Discovered,
    Held,
    NewSecret,
    RemoteClient,
    Verdict,
    WantedClient,
)
from dcrserver.connectors.failures import TargetAway, TargetError, TargetMissing, TargetTaken
from dcrserver.connectors.http import TargetHttp
from dcrserver.connectors.keycloak import judge, mapping, reading, rotation, scopes
from dcrserver.connectors.keycloak.account import Account
from dcrserver.connectors.keycloak.api import TAKEN, AdminApi
from dcrserver.connectors.keycloak.mapping import Mark
from dcrserver.connectors.keycloak.paths import attributes
from dcrserver.connectors.keycloak.realm import Realm
from dcrserver.connectors.keycloak.rows import CARRIAGE
from dcrserver.connectors.keycloak.values import needs_secret
from dcrserver.settings import ConnectorSettings
from dcrserver.strict_json import JsonObject

_TENANT = "{tenant}"
# It keeps flags of others that a PUT without them would end.
_OF_OTHERS = ("authorizationServicesEnabled",)


class KeycloakConnector:
    """Tells the realms of one Keycloak of clients, as a service account with manage-clients."""

    kind: ClassVar[str] = "keycloak"
    mints: ClassVar[bool] = False
    overlaps_by_own: ClassVar[bool] = False
    lists: ClassVar[bool] = True

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        self._name = name
        self._settings = settings
        self._http = TargetHttp(name, settings)
        self._account = Account(name, settings, self._http)
        self._realms: dict[str, Realm] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def overlaps(self) -> bool:
        """Whether a realm was seen that has a policy for the rotation of secrets."""
        return any(realm.rotates for realm in self._realms.values())

    def carriage(self) -> Mapping[str, Carriage]:
        return CARRIAGE

    def judge(self, client: WantedClient) -> Verdict:
        return judge.judge(client)

    def fingerprint(self, client: WantedClient) -> str:
        return mapping.fingerprint(client, self._settings.mark)

    async def create(self, client: WantedClient, secret: NewSecret | None) -> Applied:
        """See ``Connector``."""
        realm = self._realm(client.tenant)
        facts = await realm.scopes.for_client(client.metadata)
        sent = mapping.representation(client, self._settings.mark)
        made = sent | scopes.lists(facts, client.metadata)
        if wanted := await self._mappers(realm, client):
            made["protocolMappers"] = [*wanted]
        secret = secret if needs_secret(client.metadata) else None
        if secret is not None:
            given = rotation.first(secret)
            made |= given | {"attributes": attributes(sent) | attributes(given)}
        uuid = await realm.api.create(made)
        if uuid is None:
            return await self._take(realm, client, secret)
        if secret is not None and realm.rotates is None:
            await realm.api.put(uuid, {})
            await self._see_rotation(realm, uuid)
        return self._applied(client, facts, uuid)

    async def _take(self, realm: Realm, client: WantedClient, secret: NewSecret | None) -> Applied:
        """One that is there: ours, where an answer was lost."""
        there = await realm.api.find(client.client_id)
        if there is not None and not self._is_ours(there, client.tenant, client.client_id):
            raise TargetTaken(f"{self._name}: a client of others has this identifier", TAKEN)
        try:
            return await self.update(client, Held(str(there["id"]) if there else ""), secret)
        except TargetMissing:
            told = f"{self._name}: {client.client_id} was there a moment ago"
            raise TargetAway(told, is_unknown=False) from None

    async def read(self, tenant: str, client_id: str, held: Held | None) -> RemoteClient | None:
        """See ``Connector``."""
        realm = self._realm(tenant)
        there = await self._there(realm, client_id, held)
        return None if there is None else await self._remote(realm, there, tenant)

    async def update(self, client: WantedClient, held: Held, secret: NewSecret | None) -> Applied:
        """See ``Connector``. What others added to the client by hand stays as it is."""
        realm = self._realm(client.tenant)
        facts = await realm.scopes.for_client(client.metadata)
        there = await realm.api.get(held.remote_id) if held.remote_id else None
        if there is None or not self._is_ours(there, client.tenant, client.client_id):
            raise TargetMissing(f"{self._name}: {client.client_id} is not there as ours")
        sent = await self._changed(realm, client, there)
        secret = secret if needs_secret(client.metadata) else None
        if secret is not None:
            given = rotation.next_one(secret, there)
            sent |= given | {"attributes": attributes(sent) | attributes(given)}
        if not await realm.api.put(held.remote_id, sent):
            raise TargetMissing(f"{self._name}: {client.client_id} is gone")
        await self._move(realm, client, facts, there)
        if secret is not None and (realm.rotates is None or secret.previous_until):
            await self._see_rotation(realm, held.remote_id)
        return self._applied(client, facts, held.remote_id)

    async def _changed(self, realm: Realm, client: WantedClient, there: JsonObject) -> JsonObject:
        sent = mapping.representation(client, self._settings.mark)
        sent["attributes"] = attributes(sent) | mapping.forgotten(there, sent)
        for name in _OF_OTHERS:
            if name in there:
                sent[name] = there[name]
        wanted = await self._mappers(realm, client)
        sent["protocolMappers"] = mapping.merged_mappers(wanted, there)
        return sent

    async def _move(
        self, realm: Realm, client: WantedClient, facts: scopes.Facts, there: JsonObject
    ) -> None:
        """Keycloak passes over both lists in a PUT."""
        moves = scopes.moves(facts, client.metadata, there)
        uuid = str(there["id"])
        for scope_id, is_default in moves.removed:
            await realm.api.remove_scope(uuid, scope_id, default=is_default)
        for scope_id, is_default in moves.added:
            await realm.api.add_scope(uuid, scope_id, default=is_default)

    async def _mappers(self, realm: Realm, client: WantedClient) -> list[JsonObject]:
        is_pairwise = client.metadata.get("subject_type") == "pairwise"
        return mapping.mappers(client.metadata, await realm.salt() if is_pairwise else "")

    async def _see_rotation(self, realm: Realm, uuid: str) -> None:
        """Our account may not read policies; what one does is seen in a client that was changed."""
        realm.rotates = rotation.is_under_a_policy(await realm.api.get(uuid) or {})

    def _applied(self, client: WantedClient, facts: scopes.Facts, uuid: str) -> Applied:
        given = (
            {} if "scope" in client.metadata else {"scope": scopes.given(facts, client.metadata)}
        )
        return Applied(Held(uuid), mapping.lost(client.metadata) | given)

    async def delete(self, tenant: str, client_id: str, held: Held | None) -> None:
        """See ``Connector``."""
        realm = self._realm(tenant)
        there = await self._there(realm, client_id, held)
        if there is not None and self._is_ours(there, tenant, client_id):
            await realm.api.delete(str(there["id"]))

    async def list_all(self, tenants: Sequence[str]) -> AsyncIterator[RemoteClient]:
        """See ``Connector``; without what Keycloak itself needs, and what is no client of OAuth."""
        by_realm = {self._realm_name(tenant): tenant for tenant in tenants}
        for tenant in by_realm.values():
            realm = self._realm(tenant)
            async with aclosing(realm.api.clients()) as clients:
                async for each in clients:
                    if not reading.is_of_keycloak(each, str(self._settings.client_id)):
                        yield await self._remote(realm, each, tenant)

    def differences(self, client: WantedClient, remote: RemoteClient) -> tuple[str, ...]:
        """See ``Connector``; scopes as the realm had them when ``remote`` was read."""
        found = set(mapping.differing(client, self._settings.mark, remote.document))
        facts = self._realm(client.tenant).scopes.known
        if facts is not None and scopes.differs(facts, client.metadata, remote.document):
            found.add("scope")
        return tuple(sorted(found))

    async def discover(self, tenants: Sequence[str]) -> Discovered:
        """See ``Connector``: signs in to each realm, reads its scopes, and makes what is there."""
        problems, names = [], sorted({self._realm_name(tenant) for tenant in tenants})
        for tenant in {self._realm_name(tenant): tenant for tenant in tenants}.values():
            realm = self._realm(tenant)
            try:
                facts = await realm.scopes.facts()
                await realm.salt()
                # Refused to who may not write, and to others as there is one: it is our account.
                await realm.api.create({"clientId": str(self._settings.client_id)})
            except TargetError as error:
                problems.append(str(error))
            else:
                problems += reading.lacks(realm.api.realm, facts)
        server = f"Keycloak at {self._settings.url}, realm {', '.join(names)}"
        return Discovered(server, tuple(problems), {"overlaps": self.overlaps})

    async def close(self) -> None:
        await self._http.close()

    async def _there(self, realm: Realm, client_id: str, held: Held | None) -> JsonObject | None:
        """By its UUID; made anew by hand it has another, so then by its identifier."""
        found = await realm.api.get(held.remote_id) if held else None
        return found or await realm.api.find(client_id)

    async def _remote(self, realm: Realm, there: JsonObject, tenant: str) -> RemoteClient:
        facts = await realm.scopes.facts()
        remote = reading.remote(there, scopes.told(facts, there))
        is_theirs = remote.tenant is None and _TENANT in str(self._settings.realm)
        return remote._replace(tenant=tenant) if is_theirs else remote

    def _is_ours(self, there: JsonObject, tenant: str, client_id: str) -> bool:
        return mapping.mark_of(there) == Mark(self._settings.mark, tenant, client_id)

    def _realm_name(self, tenant: str) -> str:
        return str(self._settings.realm).replace(_TENANT, tenant)

    def _realm(self, tenant: str) -> Realm:
        name = self._realm_name(tenant)
        if name not in self._realms:
            url = str(self._settings.url)
            api = AdminApi(self._name, url, name, self._http, self._account)
            self._realms[name] = Realm(api, str(self._settings.client_id), self._settings.mark)
        return self._realms[name]
