"""The calls to Hydra's admin API, which asks nobody who he is: who reaches it may do all."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar
from urllib.parse import parse_qsl, quote, urlsplit

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
from dcrserver.connectors.comparing import digest
from dcrserver.connectors.failures import (
    TargetMisconfigured,
    TargetMissing,
    TargetRefused,
    TargetTaken,
    harmless,
)
from dcrserver.connectors.http import Answer, TargetHttp
from dcrserver.connectors.hydra import documents, judging, members
from dcrserver.settings import ConnectorSettings
from dcrserver.strict_json import JsonObject, JsonValue

_PAGE = 500  # more is cut in silence
_SHORTEST_SECRET = 6
_WITH_SECRET = frozenset({"client_secret_basic", "client_secret_post"})
# Hydra writes rel="first" before rel="next", and that on the last page, too.
_NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')
# In ``Held.kept``: old secrets work on until we end them, as Hydra never does.
_OVERLAPS = "overlaps"


class HydraConnector:
    """Tells one Hydra of clients, by whole PUTs."""

    kind: ClassVar[str] = "hydra"
    mints: ClassVar[bool] = False
    overlaps: bool = True
    overlaps_by_own: ClassVar[bool] = True
    lists: ClassVar[bool] = True

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        self._name = name
        self._mark = settings.mark
        self._base = str(settings.url).rstrip("/")
        self._clients = f"{self._base}/admin/clients"
        self._http = TargetHttp(name, settings)

    @property
    def name(self) -> str:
        return self._name

    def carriage(self) -> Mapping[str, Carriage]:
        return members.carriage()

    def judge(self, client: WantedClient) -> Verdict:
        return judging.judge(client)

    def fingerprint(self, client: WantedClient) -> str:
        """An overlap of secrets that has ended is something to be sent."""
        return digest([documents.document(client, self._mark), bool(client.previous_until)])

    def differences(self, client: WantedClient, remote: RemoteClient) -> tuple[str, ...]:
        return documents.differences(documents.document(client, self._mark), remote.document)

    async def close(self) -> None:
        await self._http.close()

    async def discover(self, tenants: Sequence[str]) -> Discovered:
        """Asks for one client, which the admin API alone tells, and for the version."""
        answer = await self._http.call("GET", self._clients, params={"page_size": "1"})
        version = await self._http.call("GET", f"{self._base}/version")
        told = version.body.get("version") if isinstance(version.body, dict) else None
        problems = []
        if not (answer.is_success and isinstance(answer.body, list)):
            problems.append(
                f"{self._clients} is no list of clients (status {answer.status}): url must be"
                " that of the admin API"
            )
        return Discovered(f"Ory Hydra {told or '(version unknown)'}", tuple(problems))

    async def create(self, client: WantedClient, secret: NewSecret | None) -> Applied:
        """Sends identifier and secret, which Hydra takes as they are.

        Raises:
            TargetRefused: nobody knows its secret, so that Hydra would make one for nobody.
            TargetTaken: one that is not ours has the identifier.
        """
        sent = documents.document(client, self._mark)
        if secret is None and _needs_secret(client):
            if await self.read(client.tenant, client.client_id, None) is None:
                raise TargetRefused(
                    f"{self._name}: its secret is known as a digest only; it must be rotated",
                    "client_secret is known as a digest only; it must be rotated first",
                )
            return await self.update(client, Held(client.client_id), None)
        body = sent | self._own(secret)
        answer = await self._http.call("POST", self._clients, json=body)
        if answer.status == HTTPStatus.CONFLICT:
            return await self.update(client, Held(client.client_id), secret)
        return self._applied(client, sent, self._expect(answer))

    async def update(self, client: WantedClient, held: Held, secret: NewSecret | None) -> Applied:
        """Old secrets work on beside one of Hydra's making only: ours, in a PUT, ends them."""
        sent = documents.document(client, self._mark)
        by_hydra = secret is not None and secret.previous_until > 0 and not secret.is_told
        done = await self._replace(client, sent, None if by_hydra else secret)
        if not client.is_active:
            tokens = f"{self._base}/admin/oauth2/tokens"
            self._expect(
                await self._http.call("DELETE", tokens, params={"client_id": client.client_id})
            )
        rotation = f"{self._at(client.client_id)}/secrets/rotate"
        if by_hydra:
            made = self._expect(await self._http.call("POST", rotation))
            return done._replace(
                held=Held(client.client_id, {_OVERLAPS: True}), secret=str(made["client_secret"])
            )
        if secret is None and held.kept.get(_OVERLAPS):
            if client.previous_until:
                return done._replace(held=held)
            if _needs_secret(client):
                self._expect(await self._http.call("DELETE", rotation))
        return done

    async def read(
        self,
        tenant: str,
        client_id: str,
        held: Held | None,
    ) -> RemoteClient | None:
        """The client that Hydra has under the identifier, whoever's it is."""
        answer = await self._http.call("GET", self._at(client_id))
        if answer.status == HTTPStatus.NOT_FOUND and isinstance(answer.body, dict):
            return None
        return documents.remote(self._expect(answer))

    async def delete(self, tenant: str, client_id: str, held: Held | None) -> None:
        """Looks whose it is before: Hydra deletes whatever it is asked to."""
        found = await self.read(tenant, client_id, held)
        if found is None or not self._is_ours(found, tenant):
            return
        answer = await self._http.call("DELETE", self._at(client_id))
        if answer.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND}:
            self._expect(answer)

    async def list_all(self, tenants: Sequence[str]) -> AsyncIterator[RemoteClient]:
        """Page by page. Of a link only the query is taken: it is relative, and a proxy may have
        put the API below a path of its own.
        """
        params: dict[str, str] | None = {"page_size": str(_PAGE)}
        while params is not None:
            answer = await self._http.call("GET", self._clients, params=params)
            if not answer.is_success or not isinstance(answer.body, list):
                raise self._failure(answer)
            for each in answer.body:
                if isinstance(each, dict):
                    yield documents.remote(each)
            found = _NEXT.search(answer.headers.get("link", ""))
            params = dict(parse_qsl(urlsplit(found[1]).query)) if found else None

    def _at(self, client_id: str) -> str:
        """Built here: what Hydra says is encoded twice where an identifier needs it."""
        return f"{self._clients}/{quote(client_id, safe='')}"

    def _own(self, secret: NewSecret | None) -> JsonObject:
        """
        Raises:
            TargetRefused: it is shorter than Hydra takes.
        """
        if secret is None:
            return {}
        if len(secret.value) < _SHORTEST_SECRET:
            words = f"client_secret must have {_SHORTEST_SECRET} characters or more"
            raise TargetRefused(f"{self._name}: {words}", words)
        return {"client_secret": secret.value}

    async def _replace(
        self, client: WantedClient, sent: JsonObject, secret: NewSecret | None
    ) -> Applied:
        """Looks whose it is before: a PUT asks for nothing, and a mark may be another's."""
        found = await self.read(client.tenant, client.client_id, None)
        if found is None:
            raise TargetMissing(f"{self._name}: the client is not there")
        if not self._is_ours(found, client.tenant):
            raise TargetTaken(
                f"{self._name}: another client has the identifier",
                "client_id is another client's at the authorization server",
            )
        body = sent | self._own(secret)
        answer = await self._http.call("PUT", self._at(client.client_id), json=body)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise TargetMissing(f"{self._name}: the client is not there (any more)")
        return self._applied(client, sent, self._expect(answer))

    def _is_ours(self, found: RemoteClient, tenant: str) -> bool:
        return found.mark == self._mark and found.tenant == tenant

    def _applied(self, client: WantedClient, sent: JsonObject, answered: JsonObject) -> Applied:
        return Applied(Held(client.client_id), documents.changed(client, sent, answered))

    def _expect(self, answer: Answer) -> JsonObject:
        """The client that it tells; empty where it tells none.

        Raises:
            TargetError: by the status: its ``error`` is a code only where validation refused.
        """
        if answer.is_success and (isinstance(answer.body, dict) or answer.body is None):
            return answer.body or {}
        raise self._failure(answer)

    def _failure(self, answer: Answer) -> TargetRefused | TargetMisconfigured:
        if answer.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT}:
            return TargetMisconfigured(
                f"{self._name}: status {answer.status}; is url that of Hydra's admin API?"
            )
        said: JsonValue = None
        if isinstance(answer.body, dict):
            said = answer.body.get("error_description") or answer.body.get("error")
        reason = harmless(str(said or "")) or "the authorization server refused it"
        return TargetRefused(f"{self._name}: status {answer.status}: {reason}", reason)


def _needs_secret(client: WantedClient) -> bool:
    return client.metadata.get("token_endpoint_auth_method", "client_secret_basic") in _WITH_SECRET
