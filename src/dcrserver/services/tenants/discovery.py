"""Use cases: an issuer is found (WebFinger, RFC 7033; OpenID Connect Discovery 2)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dcrserver.errors import BadQuery, NotFound
from dcrserver.metadata import uris
from dcrserver.strict_json import JsonObject
from dcrserver.tenants import Tenant, TenantRegistry

# As long as a URI of a registration may be.
_MAX_RESOURCE_LENGTH = 2000
ISSUER_RELATION = "http://openid.net/specs/connect/1.0/issuer"
# acct URIs (RFC 7565): the user part has no bare at-sign (OIDD-2.1-06).
_ACCT = re.compile(r"acct:((?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)@([^@/?#]+)")


class DiscoveryService:
    """Answers for the domains and resources of all tenants, as WebFinger has but one address."""

    def __init__(self, tenants: TenantRegistry) -> None:
        self._tenants = tenants

    def webfinger(self, resources: Sequence[str], relations: Sequence[str]) -> JsonObject:
        """The JRD of the one resource; ``relations`` keeps only links with one of them.

        Raises:
            BadQuery: not exactly one resource, too long, or no URI (R7033-4.2-01).
            NotFound: nothing is known of it.
            Unavailable: it is of a tenant that is suspended.
        """
        if len(resources) != 1 or not resources[0]:
            raise BadQuery("exactly one resource parameter is required")
        resource = resources[0]
        if len(resource) > _MAX_RESOURCE_LENGTH:
            raise BadQuery(f"resource must not be longer than {_MAX_RESOURCE_LENGTH} characters")
        links: list[JsonObject] = [
            {"rel": ISSUER_RELATION, "href": self._tenant_of(resource).issuer}
        ]
        if relations:
            links = [link for link in links if link["rel"] in relations]
        return {"subject": resource, "links": [dict(link) for link in links]}

    def _tenant_of(self, resource: str) -> Tenant:
        tenants = self._tenants.now
        # POL-52; one WebFinger address serves all tenants, so the default one's policy counts.
        slash_matters = not tenants.default.terms.policy.webfinger.slash_equivalence
        for key in _lookup_keys(resource):
            found = tenants.by_webfinger.get(key)
            if found and not (slash_matters and _is_other_by_slash(resource, found)):
                return found.awake()
        raise NotFound("nothing is known of this resource")


def _is_other_by_slash(resource: str, tenant: Tenant) -> bool:
    """Whether only the final slash tells ``resource`` from what the tenant answers for."""
    exact = (*tenant.webfinger, tenant.issuer)
    other = resource[:-1] if resource.endswith("/") else f"{resource}/"
    return resource not in exact and other in exact


def _lookup_keys(resource: str) -> list[str]:
    """What a resource is looked up by, most exact first.

    Raises:
        BadQuery: neither an acct nor an http(s) URI.
    """
    acct = _ACCT.fullmatch(resource)
    if acct is not None:
        return [resource, acct.group(2).lower()]
    try:
        uri = uris.parse(resource)
    except uris.BadUri:
        raise BadQuery("resource must be a URI") from None
    if uri.scheme == "acct":
        raise BadQuery("resource must be acct:user@host")
    if uri.scheme not in {"http", "https"} or uri.host is None:
        raise NotFound("nothing is known of this resource")
    # POL-52: a bare authority and the one with a slash are the same (OIDD-2.1-08).
    keys = [resource.partition("#")[0].rstrip("/")]
    if uri.port in {None, 443 if uri.scheme == "https" else 80}:
        keys.append(uri.host)
    return [*keys, uri.authority]
