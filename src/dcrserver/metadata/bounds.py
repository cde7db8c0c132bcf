"""What an initial access token lets its holder register: a named policy, scopes, grant types.

They go with the client, so that a later update is judged by the same (no way around them by PUT).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial

from dcrserver.metadata.capabilities import ServerCapabilities
from dcrserver.metadata.model import PolicyVersion, Terms, once
from dcrserver.strict_json import dumps


@dataclass(frozen=True, slots=True)
class Bounds:
    """``policy``: a name of the configuration; None anywhere: no bound of its own.

    ``policy_version``: the one that counts for life, of the policy of ``policy_tenant`` (``*``: of
    all): another tenant's, or a later one of this name, is not meant. None: the active one.
    """

    policy: str | None = None
    scopes: tuple[str, ...] | None = None
    grant_types: tuple[str, ...] | None = None
    policy_version: int | None = None
    policy_tenant: str | None = None

    @property
    def judged_by(self) -> str | PolicyVersion | None:
        """The name of a policy, or one of its versions; None: what the tenant is judged by."""
        if self.policy is None or self.policy_version is None:
            return self.policy
        return PolicyVersion(self.policy_tenant or "", self.policy, self.policy_version)

    def of(self, policy: str | None) -> Bounds:
        """These, by the active version of ``policy``."""
        return replace(self, policy=policy, policy_version=None, policy_tenant=None)

    def by(self, version: PolicyVersion) -> Bounds:
        """These, by ``version`` for life."""
        tenant, name, number = version
        return replace(self, policy=name, policy_version=number, policy_tenant=tenant)

    def to_json(self) -> str | None:
        """None where nothing is bounded."""
        if self == UNBOUNDED:
            return None
        return dumps({name: value for name, value in asdict(self).items() if value is not None})

    @classmethod
    def from_json(cls, text: str | None) -> Bounds:
        """The bounds as a token or client stores them; no text: no bounds."""
        if not text:
            return UNBOUNDED
        given = json.loads(text)
        lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
        return cls(**{**given, **lists})


UNBOUNDED = Bounds()


def narrowed(terms: Terms, bounds: Bounds) -> Terms:
    """``terms`` with the server's capabilities cut to ``bounds``: the rest cannot be had."""
    return terms if bounds is UNBOUNDED else _narrowing(terms)(bounds)


@once
def _narrowing(terms: Terms) -> Callable[[Bounds], Terms]:
    """The same object for the same bounds, as what follows from terms is kept in them."""
    return lru_cache(maxsize=256)(partial(_narrowed, terms))


def _narrowed(terms: Terms, bounds: Bounds) -> Terms:
    allowed = {
        "scopes_supported": bounds.scopes,
        "grant_types_supported": bounds.grant_types,
    }
    lists = dict(terms.server.lists)
    for name, values in allowed.items():
        if values is not None:
            lists[name] = _common(lists, name, values)
    if lists == terms.server.lists:
        return terms
    return replace(terms, server=ServerCapabilities(lists, terms.server.offered))


def _common(
    lists: Mapping[str, tuple[str, ...]], name: str, values: tuple[str, ...]
) -> tuple[str, ...]:
    supported = lists.get(name)
    return values if supported is None else tuple(v for v in supported if v in values)
