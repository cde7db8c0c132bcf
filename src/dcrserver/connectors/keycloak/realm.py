"""What a process knows of a realm: its scopes, the salt of its pairwise subjects, its rotation."""

from __future__ import annotations

from dcrserver.connectors.failures import TargetMisconfigured
from dcrserver.connectors.keycloak.api import AdminApi
from dcrserver.connectors.keycloak.mapping import salt_of
from dcrserver.connectors.keycloak.scopes import RealmScopes


class Realm:
    """``rotates``: whether a policy of the realm lets secrets overlap, and ends them; None: nobody
    saw yet, as our account may not read policies.
    """

    def __init__(self, api: AdminApi, account: str, mark: str) -> None:
        self.api = api
        self.scopes = RealmScopes(api)
        self.rotates: bool | None = None
        self._account = account
        self._mark = mark
        self._salt: str | None = None

    async def salt(self) -> str:
        """The salt for clients of ours that have none yet."""
        if self._salt is None:
            found = await self.api.find(self._account)
            if found is None:
                raise TargetMisconfigured(f"{self.api.name}: {self._account} is not in the realm")
            self._salt = salt_of(self._mark, str(found["id"]))
        return self._salt
