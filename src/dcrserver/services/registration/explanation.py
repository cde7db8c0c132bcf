"""Step: what registering would do, told without doing it."""

from __future__ import annotations

from dcrserver.errors import RegistrationError
from dcrserver.metadata import Terms
from dcrserver.metadata.preview import explain, with_refusal, with_statement
from dcrserver.services.access.asking import Asking
from dcrserver.services.access.client_certificates import check_subject
from dcrserver.services.access.initial_access_tokens import RegistrationPermit
from dcrserver.services.access.surroundings import Surroundings
from dcrserver.services.audit import Origin
from dcrserver.services.registration.administered import AdministeredClients
from dcrserver.services.registration.chosen_policies import bound_by
from dcrserver.services.registration.facts import facts_in
from dcrserver.services.registration.judgement import parse_object
from dcrserver.services.software_statements.reader import SoftwareStatements
from dcrserver.strict_json import JsonObject


async def explained(
    surroundings: Surroundings,
    statements: SoftwareStatements,
    administered: AdministeredClients,
    permit: RegistrationPermit,
    octets: bytes,
    origin: Origin,
) -> JsonObject:
    """What a registration would do, as ``metadata.explain`` tells it; nothing is done, and nothing
    fetched but the keys of a statement's issuer.

    Raises:
        ProtocolError: ``octets`` are no JSON object, or an administrator chooses what cannot be
            chosen beside the metadata.
        BearerError: the client certificate is not of whom the software statement speaks.
        Unavailable: the keys of a statement's issuer cannot be read.
    """
    submission, terms = parse_object(octets, permit.terms.policy.json_), permit.terms
    if permit.is_administrator_s:
        submission, terms = await _asked(administered, permit, submission)
    asking = Asking(permit.tenant.name, origin, permit.origin.word)
    try:
        stated = await statements.read(permit.tenant, submission, terms)
    except RegistrationError as error:
        return with_refusal(explain(submission, terms, here=asking.circumstances()), error)
    if not permit.is_administrator_s:
        check_subject(permit.certificate, stated.claims, terms.policy)
    asking = asking._replace(born=stated.born(permit.origin).word)
    asking = await surroundings.of(asking, terms.policy, stated.members, limits=True)
    here = asking.circumstances()
    return with_statement(explain(*stated.judged(), here=here), submission, stated.overruled)


async def _asked(
    administered: AdministeredClients, permit: RegistrationPermit, submission: JsonObject
) -> tuple[JsonObject, Terms]:
    """What an administrator asks for by policy and template."""
    members, facts = facts_in(submission)
    bounds = bound_by(permit.bounds, permit.tenant, facts, permit.actor)
    return await administered.asked(permit.tenant, members, facts, permit.actor, bounds)
