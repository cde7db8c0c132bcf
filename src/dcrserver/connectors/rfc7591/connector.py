"""The calls to a registration endpoint, and to what it says a client is managed at."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar, NoReturn
from urllib.parse import urlsplit

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
    TargetAway,
    TargetMisconfigured,
    TargetMissing,
    TargetRefused,
    harmless,
)
from dcrserver.connectors.http import Answer, TargetHttp
from dcrserver.connectors.rfc7591 import members
from dcrserver.settings import ConnectorSettings
from dcrserver.strict_json import JsonObject

_MAX_CLIENT_ID = 512
# In ``Held.kept``: where a client is managed, by what, and a digest of the secret that it has.
_URI, _TOKEN, _SECRET = "registration_client_uri", "registration_access_token", "secret_digest"
_NO_ENTRY = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
# Of the right types, as some read these before the token; refused by all (RFC 6749 3.1.2).
_NO_REGISTRATION: JsonObject = {"redirect_uris": ["#"]}
_UNMANAGED = "the authorization server lets nobody change or delete a client (RFC 7592)"
_LOST = (
    "its registration access token is not taken any more: the client was deleted there, or an"
    " answer that brought a new token was lost; it must be deleted there by hand"
)


class Rfc7591Connector:
    """Registers clients at a server like anybody else, and manages them as their owner."""

    kind: ClassVar[str] = "rfc7591"
    mints: ClassVar[bool] = True
    overlaps: bool = False
    overlaps_by_own: ClassVar[bool] = False
    lists: ClassVar[bool] = False

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        self._name = name
        self._endpoint = str(settings.registration_endpoint)
        token = settings.initial_access_token
        self._initial = None if token is None else token.get_secret_value()
        self._http = TargetHttp(name, settings)

    @property
    def name(self) -> str:
        return self._name

    def carriage(self) -> Mapping[str, Carriage]:
        return members.carriage()

    def judge(self, client: WantedClient) -> Verdict:
        """What it would refuse, only the server itself knows."""
        return Verdict(warnings=members.warnings(client))

    def fingerprint(self, client: WantedClient) -> str:
        return digest([members.sent(client), client.is_active])

    def differences(self, client: WantedClient, remote: RemoteClient) -> tuple[str, ...]:
        return members.differences(members.sent(client), remote.document)

    async def close(self) -> None:
        await self._http.close()

    async def discover(self, tenants: Sequence[str]) -> Discovered:
        """Asks for what is no registration: who may register is told that it is none.

        What a server takes all the same is deleted again.
        """
        answer = await self._http.call(
            "POST", self._endpoint, json=_NO_REGISTRATION, headers=_bearer(self._initial)
        )
        problems = []
        if answer.status in _NO_ENTRY:
            problems.append("the registration endpoint does not take initial_access_token")
        elif answer.status != HTTPStatus.BAD_REQUEST:
            problems.append(
                f"registration_endpoint answers status {answer.status} to no registration"
            )
        made = answer.body if answer.is_success and isinstance(answer.body, dict) else {}
        if _is_managed(held := Held("", self._kept(made, Held("")))):
            await self.delete("", "", held)
        return Discovered(urlsplit(self._endpoint).netloc, tuple(problems))

    async def create(self, client: WantedClient, secret: NewSecret | None) -> Applied:
        """Registers it. An answer that is lost leaves a client there that nobody can manage."""
        self._refuse_suspension(client)
        wanted = members.sent(client)
        answer = await self._http.call(
            "POST", self._endpoint, json=wanted, headers=_bearer(self._initial)
        )
        if answer.status in _NO_ENTRY and not _names_a_rule(answer):
            raise TargetMisconfigured(
                f"{self._name}: status {answer.status}: initial_access_token is not taken"
            )
        told = self._expect(answer)
        client_id = told.get("client_id")
        if not (
            isinstance(client_id, str)
            and 0 < len(client_id) <= _MAX_CLIENT_ID
            and client_id.isprintable()
        ):
            raise TargetAway(f"{self._name}: a registration without a client_id")
        applied = self._applied(wanted, told, Held(client_id))
        return applied._replace(client_id=client_id)

    async def read(self, tenant: str, client_id: str, held: Held | None) -> RemoteClient | None:
        """The client as its owner reads it; nobody else can look for it."""
        if held is None or not _is_managed(held):
            return None
        answer = await self._managed("GET", held)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        told = self._expect(self._let_in(answer))
        return RemoteClient(
            remote_id=held.remote_id,
            client_id=held.remote_id,
            mark=None,
            document={name: each for name, each in told.items() if name not in members.SECRETS},
            metadata=members.told(told),
            tenant=tenant,
            kept=self._kept(told, held),
        )

    async def update(self, client: WantedClient, held: Held, secret: NewSecret | None) -> Applied:
        """Puts the whole client (RFC 7592 2.2); what the answer brings is kept from then on.

        Raises:
            TargetRefused: it is to be suspended, or to have a secret of ours: there is no way.
        """
        self._refuse_suspension(client)
        if secret is not None:
            self._refuse("the authorization server makes its secrets itself; none can be set there")
        if not _is_managed(held):
            self._refuse(_UNMANAGED)
        wanted = members.sent(client)
        answer = await self._managed("PUT", held, wanted | {"client_id": held.remote_id})
        if answer.status == HTTPStatus.NOT_FOUND:
            raise TargetMissing(f"{self._name}: the client is not there (any more)")
        return self._applied(wanted, self._expect(self._let_in(answer)), held)

    async def delete(self, tenant: str, client_id: str, held: Held | None) -> None:
        """Deletes it as its owner. Its token ends with it, so that 401 says that it is gone
        (RFC 7592 2.3); without ``held`` there is nothing that could be asked for.
        """
        if held is None:
            return
        if not _is_managed(held):
            self._refuse(_UNMANAGED)
        answer = await self._managed("DELETE", held)
        if answer.status in {HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.FORBIDDEN}:
            self._refuse("the authorization server lets nobody delete a client")
        is_gone = answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED}
        if not (is_gone or answer.is_success):
            self._expect(answer)

    async def list_all(self, tenants: Sequence[str]) -> AsyncIterator[RemoteClient]:
        """None: RFC 7592 shows each client to its owner alone."""
        nobody: tuple[RemoteClient, ...] = ()
        for each in nobody:
            yield each

    async def _managed(self, method: str, held: Held, body: JsonObject | None = None) -> Answer:
        uri, token = str(held.kept[_URI]), str(held.kept[_TOKEN])
        return await self._http.call(method, uri, json=body, headers=_bearer(token))

    def _let_in(self, answer: Answer) -> Answer:
        if answer.status in _NO_ENTRY and not _names_a_rule(answer):
            raise TargetMisconfigured(f"{self._name}: {_LOST}")
        return answer

    def _applied(self, wanted: JsonObject, told: JsonObject, held: Held) -> Applied:
        secret, expires_at = told.get("client_secret"), told.get("client_secret_expires_at")
        kept = self._kept(told, held)
        is_new = kept.get(_SECRET) != held.kept.get(_SECRET)
        return Applied(
            held._replace(kept=kept),
            members.changed(wanted, told),
            secret=str(secret) if secret and is_new else None,
            secret_expires_at=expires_at if isinstance(expires_at, int) else 0,
        )

    def _kept(self, told: JsonObject, held: Held) -> JsonObject:
        """What was kept, and what the answer has in its place: tokens may be new each time."""
        kept = dict(held.kept)
        uri, token, secret = (told.get(name) for name in (_URI, _TOKEN, "client_secret"))
        if isinstance(uri, str) and self._is_theirs(uri):
            kept[_URI] = uri
        if isinstance(token, str):
            kept[_TOKEN] = token
        if isinstance(secret, str) and secret:
            kept[_SECRET] = hashlib.sha256(secret.encode()).hexdigest()
        return kept

    def _is_theirs(self, uri: str) -> bool:
        """Tokens are sent to nobody but the server that we were told of."""
        try:
            given, known = urlsplit(uri), urlsplit(self._endpoint)
        except ValueError:
            return False
        return (given.scheme, given.netloc) == (known.scheme, known.netloc)

    def _expect(self, answer: Answer) -> JsonObject:
        """
        Raises:
            TargetRefused: it will not have the client (RFC 7591 3.2.2).
            TargetAway: an answer that is none.
            TargetMisconfigured: there is no such endpoint.
        """
        if answer.is_success and isinstance(answer.body, dict):
            return answer.body
        if answer.is_success:
            raise TargetAway(f"{self._name}: an answer that is no client")
        if answer.status == HTTPStatus.BAD_REQUEST or _names_a_rule(answer):
            said = answer.body if isinstance(answer.body, dict) else {}
            words = harmless(str(said.get("error_description") or said.get("error") or ""))
            self._refuse(words or "the authorization server refused the registration")
        raise TargetMisconfigured(
            f"{self._name}: status {answer.status}; is registration_endpoint right?"
        )

    def _refuse_suspension(self, client: WantedClient) -> None:
        """Without a word, the client would go on working there."""
        if not client.is_active:
            self._refuse("the authorization server cannot suspend a client, only delete it")

    def _refuse(self, words: str) -> NoReturn:
        raise TargetRefused(f"{self._name}: {words}", words)


def _bearer(token: str | None) -> Mapping[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _is_managed(held: Held) -> bool:
    return {_URI, _TOKEN} <= held.kept.keys()


def _names_a_rule(answer: Answer) -> bool:
    """Whether it is the client that is refused, and not us: some say so with 403."""
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    return answer.status == HTTPStatus.FORBIDDEN and error not in {None, "invalid_token"}
