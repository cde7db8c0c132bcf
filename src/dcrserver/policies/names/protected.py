"""Names that only those may bear who are where their redirect URIs lead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

from pydantic import Field, field_validator

from dcrserver.policies.names.signs import ANY, Likenesses
from dcrserver.policies.names.skeletons import runs, skeletons
from dcrserver.policies.statements.hosts import among, host_of
from dcrserver.policies.switches.group import Group

_LONGEST = 100


class ProtectedName(Group):
    """A name, and the hosts of clients that may be called so or alike."""

    name: str = Field(
        min_length=1,
        max_length=_LONGEST,
        description="as people know it; also what looks like it, and longer names that hold it as"
        " words, are protected",
    )
    hosts: tuple[str, ...] = Field(
        default=(),
        max_length=1000,
        description="where all redirect_uris of whoever bears it are, `*.x` for every name below x;"
        " none: nobody bears it",
    )

    @field_validator("name")
    @classmethod
    def _has_letters(cls, value: str) -> str:
        if not skeletons(value):
            raise ValueError("must hold a letter or a digit")
        return value

    @field_validator("hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        among(value)
        return value

    @cached_property
    def is_host(self) -> Callable[[str], bool]:
        """Whether a host, as ``host_of`` tells it, is one of its own."""
        return among(self.hosts)

    def may_be_borne(self, redirect_uris: Iterable[str]) -> bool:
        """Whether all of ``redirect_uris``, of which there is one, are on its hosts."""
        hosts = [*map(host_of, redirect_uris)]
        return bool(hosts) and all(host is not None and self.is_host(host) for host in hosts)


class ProtectedNames:
    """All protected names of a policy, by what they look like."""

    def __init__(self, names: Iterable[ProtectedName]) -> None:
        self._by_skeleton = {seen: each for each in names for seen in skeletons(each.name)}
        self._longest = max(map(len, self._by_skeleton), default=0)

    def borne_by(self, text: str) -> list[ProtectedName]:
        """Those that somebody of the name ``text`` could be taken for, each once."""
        read = (seen for run in runs(text, self._longest) for seen in self._read(run))
        found = (self._by_skeleton.get(seen) for seen in read)
        return [*{each.name: each for each in found if each is not None}.values()]

    def _read(self, run: str) -> Iterable[str]:
        return self._likenesses.of(run) if ANY in run else (run,)

    @cached_property
    def _likenesses(self) -> Likenesses:
        return Likenesses(self._by_skeleton)
