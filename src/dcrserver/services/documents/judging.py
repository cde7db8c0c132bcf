"""Step: what a document registers, by the rules and statements by which clients register."""

from __future__ import annotations

from typing import NamedTuple

from dcrserver.errors import RegistrationError
from dcrserver.metadata import needs_secret
from dcrserver.metadata.bounds import UNBOUNDED, Bounds
from dcrserver.metadata.documents import BadDocument, check_locations
from dcrserver.names import ClientOrigin
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.access.finding import UnusableDocument
from dcrserver.services.access.stored_clients import metadata_before, terms_of
from dcrserver.services.access.surroundings import Surroundings
from dcrserver.services.audit import Origin
from dcrserver.services.registration.judgement import SubmissionValidator, ValidSubmission
from dcrserver.services.registration.policy import Asking
from dcrserver.services.registration.remote_checks import RemoteChecks
from dcrserver.services.software_statements.reader import SoftwareStatements, Submitted
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant


class JudgedDocument(NamedTuple):
    """What is to be stored of a document, by the policy of ``bounds``."""

    valid: ValidSubmission
    submitted: Submitted
    bounds: Bounds


class DocumentJudge:
    """Step: asks of a document what is asked of a registration."""

    def __init__(
        self,
        surroundings: Surroundings,
        validator: SubmissionValidator,
        statements: SoftwareStatements,
        remote_checks: RemoteChecks,
    ) -> None:
        self._surroundings = surroundings
        self._validator = validator
        self._statements = statements
        self._remote_checks = remote_checks

    async def judged(
        self, tenant: Tenant, members: JsonObject, record: ClientRecord | None, origin: Origin
    ) -> JudgedDocument:
        """What ``members`` register, in place of what is in ``record``.

        Raises:
            UnusableDocument: they are not acceptable.
        """
        try:
            check_locations(members, tenant.terms.allowed_hosts)
            return await self._judged(tenant, members, record, origin)
        except BadDocument as error:
            raise unusable(str(error)) from None
        except RegistrationError as error:
            raise unusable(error.description, error.detail) from None

    async def _judged(
        self, tenant: Tenant, members: JsonObject, record: ClientRecord | None, origin: Origin
    ) -> JudgedDocument:
        terms, bounds, before = tenant.terms, UNBOUNDED, None
        if record is not None:
            terms, before = terms_of(tenant, record), metadata_before(record)
            bounds = Bounds.from_json(record.bounds)
        elif terms.version is not None:
            bounds = UNBOUNDED.by(terms.version)
        submitted = await self._statements.read(tenant, members, terms, before)
        waits = record is None or record.approval is not None
        asking = Asking(
            tenant.name, origin, ClientOrigin.DOCUMENT.word,
            updates=record is not None, may_wait=waits,
        )  # fmt: skip
        asking = await self._surroundings.of(
            asking, terms.policy, submitted.members, record and record.owner
        )
        if before is None:
            valid = self._validator.validate_members(asking, *submitted.judged())
        else:
            valid = self._validator.validate_update(
                asking, submitted.members, submitted.terms, before, submitted.kept
            )
        if needs_secret(valid.metadata):
            raise BadDocument("what it asks for takes a client_secret")
        await self._remote_checks.check(valid.metadata, terms.policy)
        return JudgedDocument(valid, submitted, bounds)


def unusable(why: str, detail: str | None = None) -> UnusableDocument:
    """A document was read, and does not count: ``why``, for whoever wrote it."""
    return UnusableDocument(f"the document at client_id does not count: {why}", detail=detail)
