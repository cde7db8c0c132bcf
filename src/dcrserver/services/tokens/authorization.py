"""Use case: an authorization request; the server behind answers it, if there is one.

Checked against the registration as RFC 6749 4.1.2.1 says; a person is never sent to a URI that
is not registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from dcrserver.errors import AuthorizationError
from dcrserver.metadata import ClientMetadata, uris
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.access.finding import ClientFinder, UnusableDocument
from dcrserver.services.access.stored_clients import metadata_of
from dcrserver.services.provisioning.presence import Presence
from dcrserver.tenants import Tenant

UNAVAILABLE = (
    "No authorization server is connected yet. An administrator connects one in the"
    " [authorization_server] section of the dcrserver configuration."
)
_ELSEWHERE = ("request_uri", "request")

_NOT_THERE = (
    "The server that signs people in does not know this application yet. Try again in a moment."
)


class WayBack(NamedTuple):
    """Where a person may go back to; ``host`` is the scheme of an app that has none."""

    url: str
    host: str


class AuthorizationService:
    """Use case: /authorize sends people on to the authorization server, or tells them that there is
    none.
    """

    def __init__(self, clients: ClientFinder, presence: Presence | None) -> None:
        self._clients = clients
        self._presence = presence

    async def lead_on(
        self, tenant: Tenant, request: Mapping[str, str], query: str, address: str | None = None
    ) -> str:
        """Where the authorization server signs people in, with the ``query`` as it came.

        The octets of the query stay: their order and spelling may matter to whoever signed them, or
        compares them.

        Raises:
            AuthorizationError: as ``refuse``.
        """
        record = await self._record(tenant, request.get("client_id"), address)
        client = metadata_of(record)
        # What was pushed or signed holds its own redirect URI (RFC 9126, RFC 9101), which the
        # server reads and we do not.
        if request.get("redirect_uri") or not any(request.get(name) for name in _ELSEWHERE):
            _registered(client, request.get("redirect_uri"))
        if self._presence is not None and not await self._presence.is_there(record):
            raise AuthorizationError(_NOT_THERE)
        # That of the endpoint itself stays, and first (RFC 6749 3.1).
        mark = "" if not query else "&" if "?" in tenant.sign_in else "?"
        return f"{tenant.sign_in}{mark}{query}"

    async def refuse(
        self, tenant: Tenant, request: Mapping[str, str], address: str | None = None
    ) -> WayBack:
        """Where the person may go: the registered redirect URI with temporarily_unavailable.

        Nobody is sent there without a look at it: anybody may register any URI, and ours would be
        the name that they trusted (RFC 9700 4.11.2).

        Raises:
            AuthorizationError: the client or its redirect URI is not known; there is no way back.
        """
        client = metadata_of(await self._record(tenant, request.get("client_id"), address))
        target = _registered(client, request.get("redirect_uri"))
        answer = {"error": "temporarily_unavailable", "error_description": UNAVAILABLE}
        if "state" in request:
            answer["state"] = request["state"]
        answer["iss"] = tenant.issuer  # RFC 9207 2
        # The registered query component is kept (RFC 6749 3.1.2).
        url = f"{target}{'&' if '?' in target else '?'}{urlencode(answer)}"
        uri = uris.parse(target)
        return WayBack(url, uri.host or f"{uri.scheme}:")

    async def _record(
        self, tenant: Tenant, client_id: str | None, address: str | None
    ) -> ClientRecord:
        if not client_id:
            raise AuthorizationError("The request names no client (client_id).")
        try:
            record = await self._clients.find(tenant, client_id, address)
        except UnusableDocument as error:
            raise AuthorizationError(f"{error.description}.", detail=error.detail) from None
        if record is None or not record.is_usable:
            raise AuthorizationError("The client of this request is not registered here.")
        return record


def _registered(client: ClientMetadata, requested: str | None) -> str:
    """The requested redirect URI, by exact string; left out, the only one there is."""
    registered = client.texts("redirect_uris")
    if not requested:
        if len(registered) == 1:
            return registered[0]
        raise AuthorizationError("The request does not say where to return to (redirect_uri).")
    if requested in registered or any(_differs_in_port(requested, uri) for uri in registered):
        return requested
    raise AuthorizationError("The redirect_uri of this request is not registered for the client.")


def _differs_in_port(requested: str, registered: str) -> bool:
    """RFC 8252 7.3: any port at request time on the local machine, whatever it is called."""
    mine = uris.parse(registered)
    if mine.scheme != "http" or not mine.is_loopback:
        return False
    try:
        asked = uris.parse(requested)
    except uris.BadUri:
        return False
    return (
        not asked.userinfo
        and (asked.scheme, asked.host, asked.path, asked.query)
        == (
            mine.scheme,
            mine.host,
            mine.path,
            mine.query,
        )
        and asked.fragment is None
    )
