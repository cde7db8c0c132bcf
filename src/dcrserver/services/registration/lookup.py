"""Use case: an administrator looks for registrations by their name, where clients are."""

from __future__ import annotations

from dcrserver.errors import BadQuery
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.clients import Filter
from dcrserver.services.access.administrators import Administrators
from dcrserver.services.registration.client_information import administered_information
from dcrserver.services.secrets.kept import secrets_of
from dcrserver.tenants import Tenant

_MOST = 200


class RegistrationLookupService:
    """Use case: an administrator looks for registrations by their name.

    Names are not unique: copies of one program share theirs, so the answer is a list.
    """

    def __init__(self, administrators: Administrators, lists: Lists) -> None:
        self._administrators = administrators
        self._lists = lists

    async def by_name(self, tenant: Tenant, bearer: str | None, name: str | None) -> str:
        """All registrations whose client_name is ``name``, newest first, as JSON text.

        Raises:
            BearerError: no admin token with the scope clients:read.
            BadQuery: no name, or one that too many have.
        """
        actor = await self._administrators.authorize(tenant, bearer, "clients:read")
        if not name or "\0" in name:
            raise BadQuery("exactly one client_name parameter is required")
        wanted = Filter(members={"client_name": name}).of_owner(actor.owner)
        found = await self._lists.clients.page(tenant.name, wanted, limit=_MOST + 1)
        if len(found) > _MOST:
            raise BadQuery(f"more than {_MOST} clients have this name; list them by pages")
        told = [administered_information(tenant, each, secrets_of(each)) for each in found]
        return f'{{"items":[{",".join(told)}],"next":null}}'
