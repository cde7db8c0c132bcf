"""Step: a client that comes from elsewhere, judged as a registration would be.

Beside metadata it has members that only its server sets, or its operators: ``OWN``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from dcrserver import security
from dcrserver.errors import InvalidClientMetadata, RegistrationError
from dcrserver.metadata import (
    SERVER_ASSIGNED,
    VERIFIED,
    ClientMetadata,
    Terms,
    differences,
    examine,
    for_administrators,
    with_unserved,
)
from dcrserver.metadata.bounds import Bounds, narrowed
from dcrserver.metadata.comparing import listed
from dcrserver.metadata.validation import STATEMENT
from dcrserver.moving import Moved, texts
from dcrserver.names import UNAPPROVED
from dcrserver.repositories.clients import ClientRecord
from dcrserver.services.clients.foreign_credentials import (
    NotImportable,
    Token,
    text_in,
    time_in,
    tokens_in,
)
from dcrserver.services.registration.facts import BESIDE_CLIENTS, facts_in
from dcrserver.services.registration.policy import UNRULED, Asking, Ruled
from dcrserver.services.registration.policy import ruled as ruled_by_statements
from dcrserver.services.software_statements.reader import of_elsewhere
from dcrserver.strict_json import JsonObject, JsonValue, dumps
from dcrserver.tenants import Tenant

# What exports of earlier versions call it.
EARLIER_LIFETIME = "access_token_lifetime"
OWN = (
    *SERVER_ASSIGNED,
    "client_secret_hash",
    "client_secrets",
    "registration_access_tokens",
    "owner",
    "tags",
    "bounds",
    EARLIER_LIFETIME,
    "suspended_at",
    "tokens_ended_at",
    "expires_at",
    "approval",
)
# In the path of registration_client_uri they would lead elsewhere, however they are escaped.
_DOT_SEGMENTS = (".", "..")
_MAX_OWNER = 255
_MAX_SHOWN = 80
_NO_IMPLICIT = (
    "implicit is not served here: registered for authorization_code, which the program has to use"
    " (RFC 9700 2.1.2)"
)
# Of the rule that a secret is kept readable where it has to be.
_NEEDS_A_KEY = "OIDC-16.19-01"


def client_id_in(own: JsonObject) -> str:
    """The client_id of an imported client, which it keeps.

    Raises:
        NotImportable: no client can be called so.
    """
    client_id = text_in(own, "client_id")
    if client_id is None:
        raise NotImportable("client_id is missing")
    if not security.is_client_id(client_id):
        raise NotImportable("client_id must be 1 to 512 printable characters")
    if client_id in _DOT_SEGMENTS or client_id.strip() != client_id:
        raise NotImportable("client_id must be no dot segment, and have no space at its ends")
    if client_id in BESIDE_CLIENTS:
        raise NotImportable("client_id is a word of the administrators' API: nobody could show it")
    return client_id


def bounds_in(value: JsonValue) -> Bounds:
    """Those that a client of ours had.

    Raises:
        NotImportable: no server of ours wrote it.
    """
    told = "bounds must be an object of policy, scopes and grant_types"
    try:
        made = Bounds.from_json(dumps(value))
    except (TypeError, ValueError, AttributeError):
        raise NotImportable(told) from None
    policy: object = made.policy
    lists: list[object] = [made.scopes, made.grant_types]
    if not isinstance(policy, str | None) or not all(map(_is_list_or_none, lists)):
        raise NotImportable(told)
    return made


def _unlimited(bounds: Bounds) -> Bounds:
    return replace(bounds, scopes=None, grant_types=None)


def _is_list_or_none(value: object) -> bool:
    return value is None or (
        isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    )


def _modernise(given: JsonObject, terms: Terms, made_of: Moved) -> None:
    """The code flow in place of the implicit one, where that is not served or ruled out."""
    supported = terms.server.supported("grant_types_supported")
    grants = texts(given.get("grant_types"))
    if "implicit" not in grants or supported is None or "authorization_code" not in supported:
        return
    if "implicit" in supported:
        made_of.map("grant_types", "implicit stays, as it is served here")
        return
    left = ["authorization_code" if grant == "implicit" else grant for grant in grants]
    given["grant_types"] = list(dict.fromkeys(left))
    given["response_types"] = ["code"]
    made_of.map("grant_types", _NO_IMPLICIT)


def registration_in(
    given: JsonObject, tenant: Tenant, bounds: Bounds, asking: Asking, made_of: Moved
) -> tuple[ClientMetadata, frozenset[str], Ruled]:
    """The registration, the members that it has although nothing here serves them, and what the
    statements of the policy add.

    What is not served is left out, as in any registration. Who would be left with nothing is kept
    whole: it works when a server is connected that does what it needs.

    Raises:
        NotImportable: with the texts of all issues.
        Unavailable: the policy of ``bounds`` is not configured.
    """
    terms = for_administrators(tenant.terms_within(bounds))
    _modernise(given, terms, made_of)
    given, terms, stated = _stated(given, tenant, terms, made_of)
    judged_by = terms
    draft, issues = examine(given, terms, stated)
    unserved = frozenset(draft.failed | {issue.member for issue in issues})
    if issues and all(issue.requirement != _NEEDS_A_KEY for issue in issues):
        lifted = with_unserved(for_administrators(tenant.terms_within(_unlimited(bounds))))
        lifted = narrowed(lifted, bounds)
        kept, left = examine({**draft.members, **given}, lifted, stated)
        if not left:
            judged_by = lifted
            for name in sorted(unserved & kept.members.keys()):
                value = dumps(kept.members[name])[:_MAX_SHOWN]
                made_of.map(name, f"kept, though it is not served here: {value}")
            draft, issues = kept, []
    if issues:
        raise NotImportable("; ".join(issue.text for issue in issues))
    changed, left_out = differences(given, draft, terms)
    for member, what in changed:
        made_of.map(member, what)
    for member, why in left_out:
        made_of.drop(member, why)
    judge = partial(ruled_by_statements, given, terms=judged_by, asking=asking, kept=stated)
    metadata, ruled = _ruled(ClientMetadata(draft.members), judged_by, judge, made_of)
    return metadata, unserved, ruled


def _ruled(
    before: ClientMetadata,
    terms: Terms,
    judge: Callable[[ClientMetadata], tuple[ClientMetadata, Ruled]],
    made_of: Moved,
) -> tuple[ClientMetadata, Ruled]:
    """
    Raises:
        NotImportable: a statement of the policy refuses it.
    """
    if not terms.policy.decides:
        return before, UNRULED
    try:
        made, ruled = judge(before)
    except RegistrationError as error:
        raise NotImportable(f"refused by its policy: {error.description}") from None
    for name in sorted({*made.members, *before.members}):
        if made.members.get(name) != before.members.get(name):
            told = dumps(made.members.get(name))[:_MAX_SHOWN]
            made_of.map(name, f"{told}, by its policy: {', '.join(ruled.statements)}")
    return made, ruled


def _stated(
    given: JsonObject, tenant: Tenant, terms: Terms, made_of: Moved
) -> tuple[JsonObject, Terms, JsonObject]:
    """What the client's software statement makes of it; one that cannot be believed is left out."""
    try:
        stated = of_elsewhere(tenant, given, terms)
        for name in stated.overruled:
            made_of.map(name, "its software statement says otherwise")
        return stated.judged()
    except RegistrationError as error:
        made_of.drop(STATEMENT, error.description)
        rest = {name: value for name, value in given.items() if name not in VERIFIED}
        return rest, terms, {}


def with_own(record: ClientRecord, own: JsonObject) -> ClientRecord:
    """``record`` with what its server and its operators had set.

    Raises:
        NotImportable: one of them could not have been.
    """
    owner = text_in(own, "owner")
    if owner is not None and (len(owner) > _MAX_OWNER or not owner.isprintable()):
        raise NotImportable(f"owner must be printable, of at most {_MAX_OWNER} characters")
    current, previous = (*tokens_in(own), Token(), Token())[:2]
    issued_at = time_in(own, "client_id_issued_at")
    approval = approval_in(own)
    suspended_at = time_in(own, "suspended_at") or (record.issued_at if approval else 0)
    return record._replace(
        registration_access_token_digest=current.digest,
        registration_access_token_expires_at=current.expires_at,
        previous_registration_access_token_digest=previous.digest or None,
        previous_registration_access_token_expires_at=previous.expires_at,
        issued_at=record.issued_at if issued_at is None else issued_at,
        owner=owner,
        tags=_tags_in(own),
        suspended_at=suspended_at,
        approval=approval,
        tokens_ended_at=time_in(own, "tokens_ended_at") or 0,
        expires_at=time_in(own, "expires_at"),
    )


def approval_in(own: JsonObject) -> str | None:
    """What became of its approval; None: it needs none, or has one.

    Raises:
        NotImportable: that is no state of an approval.
    """
    approval = text_in(own, "approval")
    if approval is not None and approval not in UNAPPROVED:
        raise NotImportable(f"approval must be one of {', '.join(sorted(UNAPPROVED))}")
    return approval


def _tags_in(own: JsonObject) -> str | None:
    """
    Raises:
        NotImportable: they are none.
    """
    if not own["tags"]:
        return None
    try:
        _, facts = facts_in({"tags": own["tags"]})
    except InvalidClientMetadata as error:
        raise NotImportable(error.description) from None
    return listed(facts.tags or ())
