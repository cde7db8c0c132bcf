"""When two registrations are the same one: a digest of what their members mean.

Copies of one program register over and over, and each is free to order its members and lists, to
write a language tag in another case, and to listen on another port of its own machine.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from dcrserver.metadata.catalogue import members as named
from dcrserver.metadata.model import ClientMetadata
from dcrserver.metadata.roles import Role
from dcrserver.policies import Policy
from dcrserver.strict_json import JsonObject, JsonValue

# Lists whose order says nothing. Any other is compared as it was sent: to take two registrations
# for different ones costs a row, to take them for the same may give one what is the other's.
SETS = frozenset(
    {
        "authorization_details_types",
        "claims_redirect_uris",
        "contacts",
        "grant_types",
        "keywords",
        "post_logout_redirect_uris",
        "redirect_uris",
        "request_uris",
        "response_types",
    }
)
# Whoever has these keys, or this certificate, is one party: its client is its own.
_OF_ONE_PARTY = frozenset({"jwks", "jwks_uri", "signed_jwks_uri", *named(Role.CERTIFICATE_SUBJECT)})
# RFC 8252 7.3: an authorization server lets the port of these be any. Nothing but a path, a query
# or the end may follow, so that no other host is taken for the local machine.
_LOOPBACK = re.compile(r"(http://(?:localhost|127\.0\.0\.1|\[::1\])):[0-9]{1,5}(?=[/?]|\Z)")


def fingerprint(members: Mapping[str, JsonValue], *beside: str) -> str:
    """The digest, in hex, of a registration as ``validate`` made it: defaults are filled in.

    ``beside``: what else two must share to be the same, such as the policy that judged them.
    """
    text = json.dumps([normalised(members), *beside], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def is_shareable(metadata: ClientMetadata, policy: Policy) -> bool:
    """Whether all who register this under ``policy`` are one client: it proves itself by nothing
    that others have not.
    """
    return (
        policy.registration.reuse_public_clients
        and metadata.auth_method == "none"
        and _OF_ONE_PARTY.isdisjoint(metadata.members)
    )


def normalised(members: Mapping[str, JsonValue]) -> JsonObject:
    """``members`` without what makes no difference; to be compared, not to be stored."""
    return {_named(name): _valued(name.partition("#")[0], each) for name, each in members.items()}


def _named(name: str) -> str:
    """Language tags are the same in any case (RFC 7591 2.2, BCP 47 2.1.1)."""
    base, sign, tag = name.partition("#")
    return f"{base}{sign}{tag.lower()}"


def _valued(name: str, value: JsonValue) -> JsonValue:
    if name == "scope" and isinstance(value, str):
        return list[JsonValue](sorted(set(value.split())))
    if name not in SETS or not isinstance(value, list):
        return value
    texts = {str(each) for each in value}
    if name == "redirect_uris":
        texts = set(map(without_loopback_port, texts))
    return list[JsonValue](sorted(texts))


def without_loopback_port(uri: str) -> str:
    """``uri`` as it is compared where its port may be any (RFC 8252 7.3)."""
    return _LOOPBACK.sub(r"\1", uri, count=1)
