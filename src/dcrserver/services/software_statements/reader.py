"""Step: a submission with what its software statement says (RFC 7591 3.1.1).

Every writer of registrations takes this step before the metadata rules judge; one that does not
registers no statement, and nothing at all where statements are required.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from dcrserver import jose
from dcrserver.errors import InvalidSoftwareStatement
from dcrserver.metadata import VERIFIED, ClientMetadata, Terms
from dcrserver.metadata.software_statements import STATEMENT, STATEMENT_ISSUER, merged
from dcrserver.repositories.transaction import Database, Transaction
from dcrserver.services.authentication import replay
from dcrserver.services.software_statements import verification
from dcrserver.services.software_statements.keys import StatementKeys
from dcrserver.services.software_statements.verification import Statement
from dcrserver.strict_json import JsonObject, JsonValue
from dcrserver.tenants import Tenant

_USED = "software_statement was used before"
_FORGED = "the signature of software_statement is not that of a key of its issuer"
_MISSING = "software_statement must be sent: a trusted issuer has to vouch for the software"
_NOTHING: JsonObject = {}


class Submitted(NamedTuple):
    """What is to be judged: ``members`` by ``terms``, and ``kept`` that are there beside them.

    ``statement``: what was verified, if there is one; ``overruled``: members that were sent
    otherwise than it says. ``spent``: what must be written with the registration, so that nobody
    can use it again: digest, and when it would be refused anyway.
    """

    members: JsonObject
    terms: Terms
    kept: JsonObject = _NOTHING
    statement: Statement | None = None
    overruled: tuple[str, ...] = ()
    spent: tuple[str, int] | None = None

    def spend(self, tx: Transaction, tenant: Tenant) -> None:
        """In the transaction of the registration: both are there, or none."""
        if self.spent is not None:
            tx.spent_identifiers.add(tenant.name, *self.spent)

    def used(self) -> InvalidSoftwareStatement:
        """When another registration was faster."""
        return InvalidSoftwareStatement(_USED)


class SoftwareStatements:
    """Step: reads the software statement of a submission, and lets its claims win."""

    def __init__(self, database: Database, keys: StatementKeys) -> None:
        self._database = database
        self._keys = keys

    async def read(
        self,
        tenant: Tenant,
        members: JsonObject,
        terms: Terms,
        before: ClientMetadata | None = None,
    ) -> Submitted:
        """``members`` as they are to be judged; nothing is spent yet.

        ``before``: of an update, what is registered. Its statement stays where none is sent, as
        RFC 7592 2.2 lets a server ignore that; an administrator takes it away so.

        Raises:
            InvalidSoftwareStatement: it is forged, expired, used before, or missing.
            UnapprovedSoftwareStatement: it is sound, and not welcome.
            RegistrationError: the client chose what the statement does not let it choose.
            Unavailable: the keys of its issuer cannot be read.
        """
        if terms.policy.statements_mode == "ignored":
            return Submitted(members, terms)
        rest = {name: value for name, value in members.items() if name not in VERIFIED}
        held = before.text(STATEMENT) if before else ""
        sent = members.get(STATEMENT)
        if sent is None or sent == "":
            sent = "" if terms.administrator else held
        statement = await self._believed(tenant, sent, held, terms) if sent != "" else None
        if statement is None:
            if terms.policy.statements_mode == "required":
                raise InvalidSoftwareStatement(_MISSING)
            return Submitted(rest, terms)
        spent = None if statement.text == held else await self._to_spend(tenant, statement, terms)
        return _with(rest, terms, statement, spent)

    async def _believed(
        self, tenant: Tenant, sent: JsonValue, held: str, terms: Terms
    ) -> Statement | None:
        """The statement ``sent``; None where it counts as not sent.

        Of one that was ``held`` before, which a client must send back (RFC 7592 2.2) however short
        its life was, it is asked whether its issuer and software are welcome still.
        """
        policy = terms.policy.software_statements
        jws = verification.parsed(sent)
        issuer = verification.issuer_of(jws, tenant, policy)
        if issuer is None:
            return None
        statement = Statement(jws, issuer)
        if sent == held:
            verification.check_approved(statement)
            return statement
        verification.check_header(statement, policy)
        verification.check_claims(statement, tenant, policy, time.time())
        candidates = await self._keys.candidates(issuer, jws.algorithm, jws.kid)
        if not any(jose.verify(jws, key, jws.algorithm) for key in candidates):
            raise InvalidSoftwareStatement(_FORGED)
        verification.check_approved(statement)
        if held:
            verification.check_same_software(statement, held)
        return statement

    async def _to_spend(
        self, tenant: Tenant, statement: Statement, terms: Terms
    ) -> tuple[str, int] | None:
        """
        Raises:
            InvalidSoftwareStatement: it was used before, here or at another instance.
        """
        jti, purpose = statement.single_use, statement.purpose
        if not jti:
            return None
        if await replay.is_spent(self._database, tenant.name, purpose, jti):
            raise InvalidSoftwareStatement(_USED)
        ends_at = statement.refused_after(terms.policy.software_statements.maximum_age)
        return replay.digest_of(purpose, jti), ends_at


def _with(
    rest: JsonObject, terms: Terms, statement: Statement, spent: tuple[str, int] | None
) -> Submitted:
    settings = statement.issuer.settings
    made = merged(rest, statement.claims, terms, frozenset(settings.may_set))
    kept: JsonObject = {STATEMENT: statement.text, STATEMENT_ISSUER: settings.issuer}
    return Submitted(made.members, made.terms, kept, statement, made.overruled, spent)
