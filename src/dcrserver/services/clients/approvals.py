"""Use case of administrators: let in clients that were held, or not."""

from __future__ import annotations

from dcrserver.errors import (
    AlreadyExists,
    Forbidden,
    InvalidInput,
    PreconditionFailed,
    PreconditionRequired,
)
from dcrserver.names import ClientStatus
from dcrserver.repositories.client_approvals import ClientApprovalRecord
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import Database
from dcrserver.services.access.stored_clients import change_client
from dcrserver.services.access.versions import ANY, Expected
from dcrserver.services.audit import Origin
from dcrserver.services.registration.decisions import (
    APPROVED,
    Decision,
    decide,
    digest_of,
    forgotten_at,
    reason_problem,
    rejected,
)
from dcrserver.tenants import Tenant


class ClientApprovalService:
    """Use case: administrators approve and reject clients that wait for it.

    Raises, from every method: NotFound (there is no such client), Forbidden (an owner asks, whose
    own clients they are), AlreadyExists (it does not wait) and PreconditionFailed (it is not what
    was expected).
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def approve(
        self,
        tenant: Tenant,
        client_id: str,
        origin: Origin,
        expected: Expected = ANY,
        version: int | None = None,
    ) -> None:
        """The client is let in: its credentials work from now on. ``version``: what was seen.

        Raises:
            PreconditionRequired: it changed itself since it was held, and it is not said which
                version is approved.
        """
        await self._decide(tenant, client_id, origin, expected, APPROVED, version)

    async def reject(
        self,
        tenant: Tenant,
        client_id: str,
        reason: str,
        origin: Origin,
        expected: Expected = ANY,
    ) -> None:
        """The client is not let in, and is told the ``reason``; a while later it is removed.

        Raises:
            InvalidInput: the reason is none.
        """
        if (problem := reason_problem(reason)) is not None:
            raise InvalidInput(problem, pointer="#/reason")
        await self._decide(tenant, client_id, origin, expected, rejected(reason))

    async def _decide(
        self,
        tenant: Tenant,
        client_id: str,
        origin: Origin,
        expected: Expected,
        decision: Decision,
        version: int | None = None,
    ) -> None:
        if origin.actor.owner is not None:
            raise Forbidden("an owner approves and rejects no clients; ask an administrator")

        async def change(record: ClientRecord) -> bool:
            if record.status != ClientStatus.PENDING:
                raise AlreadyExists(
                    f"the client does not wait for an approval: it is {record.status}"
                )
            async with self._database.read() as tx:
                known = await tx.client_approvals.find(tenant.name, client_id)
            if decision is APPROVED:
                _check_seen(record, known, expected, version)
            ends_at = forgotten_at(tenant, record, decision)
            return await self._database.transact(
                lambda tx: decide(tx, record, known, decision, origin, ends_at)
            )

        await change_client(self._database, tenant, client_id, origin, expected, change)


def _check_seen(
    record: ClientRecord,
    known: ClientApprovalRecord | None,
    expected: Expected,
    version: int | None,
) -> None:
    """An approval is of what was seen: the client may write another name while somebody looks.

    Raises:
        PreconditionRequired: it is not what was held, and nobody said what was seen instead.
        PreconditionFailed: it is another version.
    """
    if version is not None and version != record.version:
        raise PreconditionFailed("it was changed meanwhile: read it again")
    is_as_held = known is not None and known.held_digest == digest_of(record)
    if expected.tags is None and version is None and not is_as_held:
        raise PreconditionRequired(
            "the client changed since it was held: read it again, and say which version is approved"
        )
