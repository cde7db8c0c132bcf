"""Step: what of a client somebody else vouches for, and what of it may mislead.

A name and a logo are whatever who registered says. These are not: people who are asked for consent,
and whoever shows them the question, can go by them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from dcrserver.metadata.bounds import Bounds
from dcrserver.metadata.impersonation import (
    foreign_pages,
    is_imposture,
    mixed_names,
    redirect_hosts,
)
from dcrserver.metadata.software_statements import STATEMENT_ISSUER
from dcrserver.policies import Policy
from dcrserver.repositories.clients import ClientRecord
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant


@dataclass(frozen=True, slots=True)
class VerifiedFacts:
    """``first_seen_at``: seconds since 1970.

    ``origin``: how it came to be. ``statement_issuer``: who vouched for its software.
    ``redirect_hosts``: where people are sent with what they consented to; an app's own schemes and
    the like have none. ``flags``: what of its names and pages may mislead.
    """

    origin: str
    statement_issuer: str | None
    redirect_hosts: list[str]
    first_seen_at: int
    flags: list[str]

    def told(self) -> JsonObject:
        """For authorization servers."""
        return {name: getattr(self, name) for name in self.__slots__}


def verified_facts(tenant: Tenant, record: ClientRecord) -> VerifiedFacts:
    """Of a client of ``tenant``, by the policy that it is judged by."""
    members: JsonObject = json.loads(record.metadata)
    named = Bounds.from_json(record.bounds).judged_by
    terms = tenant.policies.get(named, tenant.terms) if named else tenant.terms
    issuer = members.get(STATEMENT_ISSUER)
    return VerifiedFacts(
        origin=record.origin,
        statement_issuer=issuer if isinstance(issuer, str) else None,
        redirect_hosts=[*redirect_hosts(members)],
        first_seen_at=record.issued_at,
        flags=[*_flags(terms.policy, members)],
    )


def _flags(policy: Policy, members: JsonObject) -> Iterator[str]:
    if is_imposture(policy, members):
        yield "protected_name"
    if policy.text.mixed_scripts != "allow" and any(mixed_names(members)):
        yield "mixed_scripts"
    if policy.uris.foreign_domain != "allow" and any(foreign_pages(members)):
        yield "foreign_domain"
