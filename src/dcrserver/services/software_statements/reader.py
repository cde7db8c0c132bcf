"""Step: a submission with what its software statement says (RFC 7591 3.1.1).

Every writer of registrations takes this step before the metadata rules judge; one that does not
registers no statement, and nothing at all where statements are required.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dcrserver import jose
from dcrserver.errors import InvalidClientMetadata, InvalidSoftwareStatement
from dcrserver.metadata import VERIFIED, ClientMetadata, Terms
from dcrserver.metadata.software_statements import (
    STATEMENT_ISSUER,
    members_said,
    merged,
    without_requirement,
)
from dcrserver.metadata.validation import STATEMENT
from dcrserver.names import ClientOrigin
from dcrserver.repositories.access_tokens import SpentIdentifier
from dcrserver.repositories.clients import ClientRecord
from dcrserver.repositories.transaction import AlreadyThere, Database, Transaction, Writer
from dcrserver.services.access.stored_clients import replace_client
from dcrserver.services.audit import EventType, Origin
from dcrserver.services.authentication import replay
from dcrserver.services.software_statements import signed_requests, verification
from dcrserver.services.software_statements.keys import StatementKeys, known_keys
from dcrserver.services.software_statements.verification import Statement
from dcrserver.strict_json import JsonObject, JsonValue
from dcrserver.tenants import Tenant

_USED = "software_statement was used before"
_FORGED = "the signature of software_statement is not that of a key of its issuer"
MISSING = "software_statement must be sent: a trusted issuer has to vouch for the software"
_UNKNOWN = (
    "the signature of software_statement is of no key in a file of its issuer's entry; none is"
    " fetched here"
)
_NOT_ITS_OWN = "the signature of the request is not that of a key that its statement names"
_NOTHING: JsonObject = {}
_UPDATED = EventType.CLIENT_UPDATED


class Submitted(NamedTuple):
    """What is to be judged: ``members`` by ``terms``, and ``kept`` that are there beside them.

    ``statement``: what was verified, if there is one, and ``is_new`` to the client;
    ``excused``: there is none and would have to be, for anybody else.
    ``overruled``: members that were sent otherwise than it says. ``spent``: what must be written
    with the registration, so that nobody can use it again.
    """

    members: JsonObject
    terms: Terms
    kept: JsonObject = _NOTHING
    statement: Statement | None = None
    overruled: tuple[str, ...] = ()
    spent: tuple[SpentIdentifier, ...] = ()
    is_new: bool = False
    excused: bool = False

    def judged(self) -> tuple[JsonObject, Terms, JsonObject]:
        """What the metadata rules are asked about."""
        return self.members, self.terms, self.kept

    @property
    def claims(self) -> JsonObject:
        """What the statement says, nothing without one."""
        return _NOTHING if self.statement is None else self.statement.claims

    def born(self, otherwise: ClientOrigin) -> ClientOrigin:
        """How a client comes to be that registers itself."""
        return otherwise if self.statement is None else ClientOrigin.SOFTWARE_STATEMENT

    def told(self) -> JsonObject:
        """For the event of the write: which statement it was, where it is a new one."""
        if self.excused:
            return {"without_software_statement": True}
        if self.statement is None or not self.is_new:
            return {}
        facts: JsonObject = {
            "issuer": self.statement.issuer.settings.issuer,
            "software_id": self.statement.software_id,
            "jti": self.statement.jws.text("jti"),
        }
        return {STATEMENT: {name: value for name, value in facts.items() if value}}

    def spend(self, tx: Transaction) -> None:
        """In the transaction of the registration: both are there, or none."""
        for each in self.spent:
            tx.spent_identifiers.add(*each)

    async def replace(
        self,
        writer: Writer,
        old: ClientRecord,
        new: ClientRecord,
        origin: Origin,
        told: JsonObject,
    ) -> bool:
        """Writes ``new`` with its event, and spends the statement beside it.

        False, and nothing is written, when ``old`` is no longer what is stored.

        Raises:
            InvalidSoftwareStatement: as ``check_spent``.
        """
        told, event = {**told, **self.told()}, _UPDATED
        beside = [each.insertion for each in self.spent]
        try:
            return await replace_client(writer, old, new, event, origin, told, beside)
        except AlreadyThere:
            self.check_spent()
            raise

    def check_spent(self) -> None:
        """Where something is there already that was to be written.

        Raises:
            InvalidSoftwareStatement: another registration used the statement meanwhile.
        """
        if self.spent:
            raise InvalidSoftwareStatement(_USED)


UNSTATED = Submitted({}, Terms())


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
        *,
        excused: bool = False,
    ) -> Submitted:
        """``members`` as they are to be judged; nothing is spent yet.

        ``excused``: who writes past the policy, as administrators may, needs no statement.

        ``before``: of an update, what is registered. Its statement stays where none is sent, as
        RFC 7592 2.2 lets a server ignore that; an administrator takes it away so.

        Raises:
            InvalidSoftwareStatement: it is forged, expired, used before, or missing.
            UnapprovedSoftwareStatement: it is sound, and not welcome.
            RegistrationError: the client chose what the statement does not let it choose.
            Unavailable: the keys of its issuer cannot be read.
        """
        if not tenant.reads_statements(terms.policy):
            return Submitted(members, terms)
        rest = {name: value for name, value in members.items() if name not in VERIFIED}
        held = before.text(STATEMENT) if before else ""
        unsent = "" if terms.administrator else held
        statement = None
        for each in (members.get(STATEMENT), unsent):  # a stranger's counts as not sent
            statement = statement or await self._believed(tenant, each, held, terms)
        if statement is None:
            if terms.policy.statements_mode != "required":
                return Submitted(rest, terms)
            if not excused:
                raise InvalidSoftwareStatement(MISSING)
            return Submitted(rest, without_requirement(terms), excused=True)
        made = _with(rest, terms, statement)
        if statement.text == held:
            return made
        return made._replace(is_new=True, spent=await self._to_spend(tenant, statement, terms))

    async def problems(self, tenants: Iterable[Tenant]) -> Mapping[str, str | None]:
        """By location, why no statement could be verified just now by the keys there; each that an
        issuer which one of ``tenants`` trusts has is asked.
        """
        issuers = {
            each.settings.jwks_uri: each
            for tenant in tenants
            for each in tenant.statement_issuers.values()
            if each.settings.jwks_uri is not None
        }
        found = await asyncio.gather(*map(self._keys.problem, issuers.values()))
        return dict(zip(issuers, found, strict=True))

    async def read_signed(
        self, tenant: Tenant, jws: jose.Jws, terms: Terms, before: ClientMetadata | None = None
    ) -> Submitted:
        """As ``read``, of a request that is a JWT, signed by a key of its statement.

        Raises:
            InvalidClientMetadata: it is forged, used before, or somebody else's.
            ProtocolError: as ``read``.
        """
        submitted = await self.read(tenant, signed_requests.members_of(jws), terms, before)
        statement = submitted.statement
        if statement is None:
            raise InvalidSoftwareStatement(MISSING)
        signed_requests.check_sender(jws, statement)
        said = members_said(statement.claims, terms)
        candidates = await self._keys.of_client(said, jws.algorithm, jws.kid)
        if not any(jose.verify(jws, key, jws.algorithm) for key in candidates):
            raise InvalidClientMetadata(_NOT_ITS_OWN)
        purpose = f"{signed_requests.PURPOSE}:{statement.software_id}"
        if await replay.is_spent(self._database, tenant.name, purpose, jws.text("jti")):
            raise InvalidClientMetadata("the request was used before")
        digest = replay.digest_of(purpose, jws.text("jti"))
        used = SpentIdentifier(tenant.name, digest, signed_requests.refused_after(jws))
        return submitted._replace(spent=(*submitted.spent, used))

    async def _believed(
        self, tenant: Tenant, sent: JsonValue, held: str, terms: Terms
    ) -> Statement | None:
        """The statement ``sent``; None where it counts as not sent.

        Of one that was ``held`` before, which a client must send back (RFC 7592 2.2) however short
        its life was, it is asked whether its issuer and software are welcome still.
        """
        if sent is None or sent == "":
            return None
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
            by_itself = not terms.administrator
            verification.check_same_software(statement, held, same_issuer=by_itself)
        return statement

    async def _to_spend(
        self, tenant: Tenant, statement: Statement, terms: Terms
    ) -> tuple[SpentIdentifier, ...]:
        """
        Raises:
            InvalidSoftwareStatement: it was used before, here or at another instance.
        """
        jti, purpose = statement.single_use, statement.purpose
        if not jti:
            return ()
        if await replay.is_spent(self._database, tenant.name, purpose, jti):
            raise InvalidSoftwareStatement(_USED)
        ends_at = statement.refused_after(terms.policy.software_statements.maximum_age)
        return (SpentIdentifier(tenant.name, replay.digest_of(purpose, jti), ends_at),)


def of_elsewhere(
    tenant: Tenant, members: JsonObject, terms: Terms, now: float | None = None
) -> Submitted:
    """As ``SoftwareStatements.read`` where nothing is asked of anybody, and nothing spent.

    ``now``: in seconds since 1970; None for a client that registered at another server, whenever
    that was.

    Raises:
        InvalidSoftwareStatement: it is forged, or its issuer's keys are in no file of ours.
        UnapprovedSoftwareStatement: it is sound, and not welcome.
    """
    policy = terms.policy.software_statements
    sent = members.get(STATEMENT)
    if not (sent and tenant.reads_statements(terms.policy)):
        return Submitted(members, terms)
    jws = verification.parsed(sent)
    issuer = verification.issuer_of(jws, tenant, policy)
    rest = {name: value for name, value in members.items() if name not in VERIFIED}
    if issuer is None:
        return Submitted(rest, terms)
    statement = Statement(jws, issuer)
    verification.check_header(statement, policy)
    if now is not None:
        verification.check_claims(statement, tenant, policy, now)
    keys = known_keys(issuer, jws.algorithm, jws.kid)
    if not any(jose.verify(jws, key, jws.algorithm) for key in keys):
        raise InvalidSoftwareStatement(_UNKNOWN)
    verification.check_contents(statement)
    return _with(rest, terms, statement)


def _with(rest: JsonObject, terms: Terms, statement: Statement) -> Submitted:
    settings = statement.issuer.settings
    made = merged(rest, statement.claims, terms, frozenset(settings.may_set))
    kept: JsonObject = {STATEMENT: statement.text, STATEMENT_ISSUER: settings.issuer}
    return Submitted(made.members, made.terms, kept, statement, made.overruled)
