"""Use cases of administrators: look at initial access tokens and admin tokens."""

from __future__ import annotations

from dcrserver.errors import NotFound
from dcrserver.repositories.queries import Lists
from dcrserver.repositories.queries.keyset import Place
from dcrserver.repositories.queries.tokens import NEWEST_ADMIN, NEWEST_INITIAL
from dcrserver.services.access.token_views import AdminTokenView, InitialAccessTokenView


class TokenReadingService:
    """Use case: administrators look at tokens, newest first. ``tenant``: a name, or * for all.

    Raises, from every method: NotFound (there is none of this id) or InvalidInput (``after`` is
    no place in this list).
    """

    def __init__(self, lists: Lists) -> None:
        self._lists = lists

    async def initial_access_tokens(
        self, tenant: str, after: Place | None, limit: int
    ) -> list[InitialAccessTokenView]:
        """Also those that work no longer."""
        place = None if after is None else NEWEST_INITIAL.place_in(after)
        found = await self._lists.tokens.initial_page(tenant, place, limit)
        return [InitialAccessTokenView(record) for record in found]

    async def initial_access_token(self, tenant: str, token_id: str) -> InitialAccessTokenView:
        """With what was registered by it."""
        found = await self._lists.tokens.initial_page(tenant, None, 1, _known(token_id))
        if not found:
            raise NotFound("there is no such token")
        uses = await self._lists.tokens.uses_of(tenant, token_id)
        return InitialAccessTokenView(found[0], uses)

    async def admin_tokens(
        self, tenant: str, after: Place | None, limit: int
    ) -> list[AdminTokenView]:
        """Also those that work no longer."""
        place = None if after is None else NEWEST_ADMIN.place_in(after)
        found = await self._lists.tokens.admin_page(tenant, place, limit)
        return [AdminTokenView(record) for record in found]

    async def admin_token(self, tenant: str, token_id: str) -> AdminTokenView:
        """One of them."""
        found = await self._lists.tokens.admin_page(tenant, None, 1, _known(token_id))
        if not found:
            raise NotFound("there is no such token")
        return AdminTokenView(found[0])

    @staticmethod
    def place_of(token: InitialAccessTokenView | AdminTokenView) -> Place:
        """Where a list goes on after ``token``."""
        return token.issued_at, token.id


def _known(token_id: str) -> str:
    """
    Raises:
        NotFound: no token has such an id, and no database should be asked for one.
    """
    if not (token_id.isalnum() and token_id.isascii()):
        raise NotFound("there is no such token")
    return token_id
