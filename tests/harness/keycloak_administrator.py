"""An administrator of the Keycloak of tests, who does things by hand."""

from __future__ import annotations

import math
import time
from typing import Any, Self

import httpx

from harness.keycloak import ADMIN, ADMIN_SECRET, REALM

_TOKEN_SECONDS = 30  # half of its life


class Administrator:
    """What an administrator of Keycloak does by hand."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.Client(base_url=f"{url}/admin/realms", trust_env=False, timeout=60)
        self._signed_in_at = -math.inf

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, method: str, path: str, json: Any = None) -> Any:
        """The parsed answer; the last part of Location where something was made."""
        if time.monotonic() > self._signed_in_at + _TOKEN_SECONDS:
            self._sign_in()
        answer = self._http.request(method, path, json=json).raise_for_status()
        if location := answer.headers.get("location"):
            return location.rpartition("/")[2]
        return answer.json() if answer.content else None

    def _sign_in(self) -> None:
        self._signed_in_at = time.monotonic()
        answer = self._http.post(
            f"{self._url}/realms/master/protocol/openid-connect/token",
            data={"grant_type": "client_credentials"}, auth=(ADMIN, ADMIN_SECRET),
        )  # fmt: skip
        token = answer.raise_for_status().json()["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def client(self, client_id: str, realm: str = REALM) -> dict[str, Any] | None:
        found = self.call("GET", f"/{realm}/clients?clientId={client_id}")
        return found[0] if found else None

    def make(self, realm: str = REALM, **members: Any) -> str:
        """A client that is none of ours; its UUID."""
        made: str = self.call("POST", f"/{realm}/clients", members)
        return made

    def change(self, client_id: str, realm: str = REALM, **members: Any) -> None:
        """As somebody does at the console: what is not named stays."""
        found = self.client(client_id, realm)
        assert found
        attributes = found["attributes"] | members.pop("attributes", {})
        self.call(
            "PUT", f"/{realm}/clients/{found['id']}", found | members | {"attributes": attributes}
        )

    def make_account(self, client_id: str, *roles: str, realm: str = REALM, **members: Any) -> str:
        """A service account with ``roles`` of realm-management; its UUID."""
        made = self.make(realm, clientId=client_id, serviceAccountsEnabled=True, **members)
        person = self.call("GET", f"/{realm}/clients/{made}/service-account-user")
        management = self.client("realm-management", realm)
        assert management
        base = f"/{realm}/clients/{management['id']}/roles"
        chosen = [self.call("GET", f"{base}/{role}") for role in roles]
        path = f"/{realm}/users/{person['id']}/role-mappings/clients/{management['id']}"
        self.call("POST", path, chosen)
        return made
