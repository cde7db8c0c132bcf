"""What a client shows to people that could make them take it for another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dcrserver.metadata.catalogue import members
from dcrserver.metadata.roles import Role
from dcrserver.policies import Policy
from dcrserver.policies.domains import registrable_domain
from dcrserver.policies.names.protected import ProtectedName
from dcrserver.policies.names.scripts import mixed_scripts
from dcrserver.policies.statements.effects import Refusal
from dcrserver.policies.statements.hosts import host_of
from dcrserver.strict_json import JsonValue

PROTECTED_NAMES = "protected_names"
NAMES = frozenset(members(Role.NAME))
DISPLAYED = frozenset(members(Role.PAGE, Role.IMAGE))
# Who asks for consent by these is sent no answer to a redirect URI: that those are on the right
# hosts says nothing of who gets the tokens.
_ELSEWHERE = (
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:openid:params:grant-type:ciba",
)
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})

Members = Mapping[str, JsonValue]


def refusals_of_names(policy: Policy, registered: Members) -> tuple[Refusal, ...]:
    """Why the names of a client are not for it to bear, by the ``protected_names`` of a policy."""
    return tuple(
        Refusal(PROTECTED_NAMES, "invalid_client_metadata", told, member, "policy.protected_names")
        for member, protected in borne(policy, registered)
        if (told := _refusal(member, protected, registered))
    )


def borne(policy: Policy, registered: Members) -> Iterator[tuple[str, ProtectedName]]:
    """The members that show a protected name of ``policy``, or what looks like one, with it."""
    for member, name in _shown(registered, NAMES):
        for protected in policy.names.borne_by(name):
            yield member, protected


def is_imposture(policy: Policy, registered: Members) -> bool:
    """Whether a client bears a protected name that is not for it."""
    return bool(policy.protected_names) and bool(refusals_of_names(policy, registered))


def mixed_names(registered: Members) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The members that show a word of several scripts, each with those."""
    for member, name in _shown(registered, NAMES):
        if scripts := mixed_scripts(name):
            yield member, scripts


def foreign_pages(registered: Members) -> Iterator[str]:
    """The members that hold a page or an image on a domain that no redirect URI is on.

    None where the redirect URIs have no domain: of an app on somebody's machine all pages are.
    """
    pages = [*_shown(registered, DISPLAYED)]
    if not pages:
        return
    domains = {
        registrable_domain(host) for host in redirect_hosts(registered) if host not in _LOCAL
    }
    if not domains:
        return
    for member, page in pages:
        host = host_of(page)
        if host is None or registrable_domain(host) not in domains:
            yield member


def redirect_hosts(registered: Members) -> tuple[str, ...]:
    """The hosts that the redirect URIs of a client are on, in their order, each once."""
    hosts = map(host_of, _redirect_uris(registered))
    return tuple(dict.fromkeys(host for host in hosts if host is not None))


def _refusal(member: str, protected: ProtectedName, registered: Members) -> str | None:
    if not protected.may_be_borne(_redirect_uris(registered)):
        return f"{member} reads as {_told(protected)}: its redirect_uris must be on its hosts"
    grants = registered.get("grant_types")
    for grant in _ELSEWHERE:
        if isinstance(grants, list) and grant in grants:
            return f"{member} reads as {_told(protected)}, with which grant_types has no {grant}"
    return None


def _told(protected: ProtectedName) -> str:
    """Error descriptions are ASCII, without what quotes (RFC 6749 5.2)."""
    name = protected.name
    harmless = name.isascii() and name.isprintable() and not {*'"\\'} & {*name}
    return f"{name}, a protected name" if harmless else "a protected name"


def _redirect_uris(registered: Members) -> list[str]:
    value = registered.get("redirect_uris")
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _shown(registered: Members, names: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Those of ``names``, in every language."""
    for member, value in registered.items():
        if member.partition("#")[0] in names and isinstance(value, str):
            yield member, value
