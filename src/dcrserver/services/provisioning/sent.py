"""A client as targets have it, which is written so, or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from dcrserver.errors import Unavailable
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Transaction, Writer
from dcrserver.services.provisioning.sending import AWAY
from dcrserver.services.secrets.kept import ClientSecrets

T = TypeVar("T")


class _Lost(Exception):
    """The client is not written, so nothing that was to be written with it may be."""


@dataclass
class Sent:
    """``record`` and ``secrets``: with what the targets stored otherwise, or made themselves.

    ``confirm`` writes that the targets have it; None: none of them waited for.
    """

    record: ClientRecord
    secrets: ClientSecrets = field(default_factory=ClientSecrets)
    confirm: Callable[[Transaction], Awaitable[bool]] | None = None
    is_written: bool = False

    def within(self, writer: Writer) -> Writer:
        """What ``record`` is written through."""
        return writer if self.confirm is None else _Confirming(writer, self, self.confirm)


class _Confirming:
    """Writes the client, and that the targets have it, or neither."""

    def __init__(
        self, writer: Writer, sent: Sent, confirm: Callable[[Transaction], Awaitable[bool]]
    ) -> None:
        self._writer = writer
        self._sent = sent
        self._confirm = confirm

    async def transact(self, use_case: Callable[[Transaction], Awaitable[T]]) -> T:
        """As ``Database.transact``.

        Raises:
            Unavailable: a worker took it for given up meanwhile; nothing was written.
        """
        lost: list[T] = []

        async def confirmed(tx: Transaction) -> T:
            lost.clear()
            if not await self._confirm(tx):
                raise Unavailable(AWAY, detail="the reservation was over", retry_after=1)
            made = await use_case(tx)
            if made is False:  # somebody else changed the client
                lost.append(made)
                raise _Lost
            return made

        try:
            made = await self._writer.transact(confirmed)
        except _Lost:
            return lost[0]
        self._sent.is_written = True
        return made
