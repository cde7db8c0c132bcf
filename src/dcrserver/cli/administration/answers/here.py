"""What answers are made with: who asks, about which tenant, and the forms of the API."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from dcrserver.cli.administration.refusals import Refused, in_a_line
from dcrserver.errors import NotFound
from dcrserver.names import ALL_TENANTS, DEFAULT_TENANT
from dcrserver.repositories.queries.keyset import Place
from dcrserver.services.audit import Origin
from dcrserver.services.audit.actors import Actor
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant
from dcrserver.wiring.operations import Operations

Row = TypeVar("Row")
Asked = TypeVar("Asked", bound=BaseModel)
_NO_TENANT = "there is no such tenant"


@dataclass(frozen=True, slots=True)
class Here:
    """The use cases, the name of a tenant if one was given, and who asks."""

    operations: Operations
    named: str | None
    origin: Origin

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.origin.actor

    @property
    def scope(self) -> str:
        """Of what is of one tenant or of all: the tenant that was named, else all."""
        return self.named or ALL_TENANTS

    @property
    def members(self) -> Collection[str]:
        """Members of clients that are the operator's own, by name."""
        return self.operations.base.configured.settings.members

    async def tenant(self) -> Tenant:
        """The tenant, which may be one that is configured no longer.

        Raises:
            NotFound: neither configured nor stored.
        """
        try:
            return await self.operations.tenant_administration.find(self.named or DEFAULT_TENANT)
        except NotFound:
            raise NotFound(_NO_TENANT) from None

    def configured(self) -> Tenant:
        """The tenant, for which something new is made.

        Raises:
            NotFound: it is not configured.
        """
        tenant = self.operations.tenants.now.by_name.get(self.named or DEFAULT_TENANT)
        if tenant is None:
            raise NotFound(_NO_TENANT)
        return tenant


def told(model: type[BaseModel], found: object) -> JsonObject:
    """``found`` as the API tells it."""
    made: JsonObject = model.model_validate(found, from_attributes=True).model_dump(mode="json")
    return made


def validated(model: type[Asked], body: JsonObject) -> Asked:
    """``body`` as the API takes it.

    Raises:
        Refused: it does not.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        from dcrserver.edge.problems import in_words

        found = error.errors(include_input=False, include_url=False)
        raise Refused(
            in_a_line(*in_words([{**each, "loc": ("body", *each["loc"])} for each in found]))
        ) from None


def place_in(cursor: str | None) -> Place | None:
    """Where a page begins; of our own making, so nobody can have altered it."""
    return None if cursor is None else tuple(json.loads(cursor))


def page(
    rows: Sequence[Row],
    limit: int,
    place_of: Callable[[Row], Place],
    item: Callable[[Row], JsonObject],
) -> JsonObject:
    """A page of ``rows``, of which there is one more than ``limit`` if any is left."""
    shown = rows[:limit]
    place = place_of(shown[-1]) if len(rows) > limit else None
    return answer([item(row) for row in shown], place)


def answer(items: list[Any], place: Place | None) -> JsonObject:
    """A page of ``items``; behind ``place`` the list goes on, None: it ends with them."""
    return {"items": items, "next": None if place is None else json.dumps(place)}
