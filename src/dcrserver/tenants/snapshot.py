"""All tenants of one moment, none in the way of another."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dcrserver.names import DEFAULT_TENANT
from dcrserver.tenants.tenant import Tenant


class TenantConflict(ValueError):
    """A tenant is in the way of another, or of our own paths; the message names it."""


class Refused(NamedTuple):
    """A stored tenant that cannot be among the others as they are now, and why."""

    tenant: Tenant
    reason: str


@dataclass(frozen=True, slots=True)
class TenantSnapshot:
    """All tenants of one moment; it never changes.

    ``by_path``: by the path of the issuer, where it has one. ``by_webfinger``: by what the tenant
    answers for, see ``Tenant.webfinger_entries``. ``refused``: stored ones that are not among them.
    """

    default: Tenant
    by_name: Mapping[str, Tenant]
    by_path: Mapping[str, Tenant]
    by_webfinger: Mapping[str, Tenant]
    # Segments of the longest path: a request's own are looked at no further.
    _deepest: int
    # What paths lie below, and how many of them.
    _above: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, Refused] = field(default_factory=dict)

    @classmethod
    def of(cls, tenants: Iterable[Tenant], reserved: Collection[str] = ()) -> TenantSnapshot:
        """``tenants``, one of which has the reserved name of the default one.

        ``reserved``: the first segments of the paths that are answered below each issuer.

        Raises:
            TenantConflict: a request, or a resource of WebFinger, would be about two of them.
        """
        nobody: dict[str, Tenant] = {}
        return _Draft(nobody, nobody, nobody, {}, reserved).with_added(tenants)

    def changed(
        self, tenants: Iterable[Tenant], gone: Collection[str], reserved: Collection[str]
    ) -> TenantSnapshot:
        """The same with ``tenants``, new or in place of those of their names, without ``gone``.

        Raises:
            TenantConflict: as ``of``.
        """
        new = {name: each.tenant for name, each in self.refused.items() if name not in gone}
        new |= {tenant.name: tenant for tenant in tenants}
        draft = _Draft(self.by_name, self.by_path, self.by_webfinger, self._above, reserved)
        for name in gone:
            draft.drop(name)
        moved = [tenant for tenant in new.values() if not draft.swap(tenant)]
        for tenant in moved:
            draft.drop(tenant.name)
        return draft.with_added(moved)

    def at(self, path: str) -> tuple[Tenant, str]:
        """Whose the path of a request is, and what is left of it below the tenant's own.

        Only the default tenant has others below its path, so that the longest one counts.
        """
        found, rest = self.default, path
        end = 0
        for _ in range(self._deepest):
            end = path.find("/", end + 1)
            if end < 0:
                break
            tenant = self.by_path.get(path[:end])
            if tenant is not None:
                found, rest = tenant, path[end:]
        return found, rest


class _Draft:
    """What becomes a snapshot: what does not change is not looked at again."""

    def __init__(
        self,
        by_name: Mapping[str, Tenant],
        by_path: Mapping[str, Tenant],
        by_webfinger: Mapping[str, Tenant],
        above: Mapping[str, int],
        reserved: Collection[str],
    ) -> None:
        self._by_name = dict(by_name)
        self._by_path = dict(by_path)
        self._by_webfinger = dict(by_webfinger)
        self._above = dict(above)
        self._reserved = reserved
        self._refused: dict[str, Refused] = {}

    def with_added(self, tenants: Iterable[Tenant]) -> TenantSnapshot:
        """
        Raises:
            TenantConflict: one of the configuration is in the way; of the stored ones it is told.
        """
        for tenant in sorted(tenants, key=_rank):
            try:
                self._check(tenant)
            except TenantConflict as error:
                if tenant.declared:
                    raise
                self._refused[tenant.name] = Refused(tenant, str(error))
            else:
                self._add(tenant)
        return TenantSnapshot(
            self._by_name[DEFAULT_TENANT],
            self._by_name,
            {path: tenant for path, tenant in self._by_path.items() if path},
            self._by_webfinger,
            max((path.count("/") for path in self._by_path), default=0),
            self._above,
            self._refused,
        )

    def swap(self, tenant: Tenant) -> bool:
        """Takes the place of the one of its name, if it answers where that did: it is in nobody's
        way, and of thousands nothing has to be compared.
        """
        before = self._by_name.get(tenant.name)
        if (
            before is None
            or before.path != tenant.path
            or before.webfinger_entries != tenant.webfinger_entries
        ):
            return False
        self._by_name[tenant.name] = self._by_path[tenant.path] = tenant
        self._by_webfinger.update(dict.fromkeys(tenant.webfinger_entries, tenant))
        return True

    def drop(self, name: str) -> None:
        """Nothing, if there is none of this name."""
        tenant = self._by_name.pop(name, None)
        if tenant is None:
            return
        self._by_path.pop(tenant.path, None)
        for above in _above(tenant.path):
            self._above[above] -= 1
        for entry in tenant.webfinger_entries:
            del self._by_webfinger[entry]

    def _add(self, tenant: Tenant) -> None:
        self._by_name[tenant.name] = tenant
        self._by_path[tenant.path] = tenant
        for above in _above(tenant.path):
            self._above[above] = self._above.get(above, 0) + 1
        self._by_webfinger.update(dict.fromkeys(tenant.webfinger_entries, tenant))

    def _check(self, tenant: Tenant) -> None:
        """
        Raises:
            TenantConflict: it cannot be added.
        """
        default = tenant.name == DEFAULT_TENANT
        if other := self._by_path.get(tenant.path):
            raise TenantConflict(
                f"tenants: the issuers of {other.name} and {tenant.name} have the same path"
                f" {tenant.path or '/'}"
            )
        for above in _above(tenant.path):
            other = self._by_path.get(above)
            if other is not None and other.name != DEFAULT_TENANT:
                raise _inside(tenant, other)  # of the default one all are, if only by default
        if not default:
            self._check_below(tenant)
        for entry in sorted(tenant.webfinger_entries):
            if other := self._by_webfinger.get(entry):
                raise TenantConflict(
                    f"tenants: WebFinger cannot answer for {entry} with both {other.name} and"
                    f" {tenant.name}"
                )

    def _check_below(self, tenant: Tenant) -> None:
        """Whether it hides no other tenant, and no route of ours hides it."""
        if self._above.get(tenant.path):
            below = f"{tenant.path}/"
            hidden = [path for path in self._by_path if path.startswith(below)]
            if others := [self._by_path[path] for path in sorted(hidden)]:
                raise _inside(others[0], tenant)
        base = self._by_name[DEFAULT_TENANT].path
        for path in (tenant.path, tenant.path.removeprefix(f"{base}/")):
            if path.lstrip("/").partition("/")[0] in self._reserved:
                raise TenantConflict(
                    f"tenants.{tenant.name}: the path {tenant.path} cannot be that of a tenant"
                )


def _rank(tenant: Tenant) -> tuple[bool, bool]:
    """Those of the configuration come first, before all the one that the others lie below."""
    return not tenant.declared, tenant.name != DEFAULT_TENANT


def _inside(tenant: Tenant, other: Tenant) -> TenantConflict:
    return TenantConflict(
        f"tenants: the path {tenant.path} of {tenant.name} is inside {other.path} of {other.name}"
    )


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
