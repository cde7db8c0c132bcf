"""What the server adds to a submission or puts in place of it (RFC 7591 2: it may)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dcrserver.errors import InvalidClientMetadata
from dcrserver.metadata import algorithms
from dcrserver.metadata.catalogue import PARAMETERS, members
from dcrserver.metadata.catalogue.extensions import PUBLIC_CLIENT
from dcrserver.metadata.model import Draft, Issue, Parameter, Terms, Unacceptable
from dcrserver.metadata.plan import Plan, fitted
from dcrserver.metadata.redirect_uris import is_private_use
from dcrserver.metadata.roles import Role
from dcrserver.metadata.rules import REDIRECT_GRANTS
from dcrserver.metadata.rules.protection import CONTENT_ENCRYPTION
from dcrserver.metadata.uris import parse
from dcrserver.strict_json import JsonValue

_SUBJECTS = members(Role.CERTIFICATE_SUBJECT)
# A client of one of these gets tokens while nobody looks on.
_WITHOUT_A_PERSON = frozenset({"client_credentials"})
_CHOICES = "OpenID Connect RP Metadata Choices 2 and 4"


def fill_in(draft: Draft, plan: Plan, terms: Terms) -> list[Issue]:
    """Chooses, adds defaults where nothing was sent, and replaces; what cannot be is told."""
    issues = [*_missing_required(draft, terms), *_choose(draft, plan, terms)]
    if _is_native_by_its_uris(draft, terms) or _is_native_by_mistake(draft, terms):
        draft.members["application_type"] = "native"
    if draft.members.get(PUBLIC_CLIENT) is True:
        method = PARAMETERS["token_endpoint_auth_method"]
        _default(draft, method.name, fitted("none", method, terms))
    for name, beside in CONTENT_ENCRYPTION.items():
        if name in draft.members:
            default = algorithms.DEFAULT_CONTENT_ENCRYPTION
            _default(draft, beside, fitted(default, PARAMETERS[beside], terms))
    for name, value in plan.defaults:
        _default(draft, name, value)
    if "grant_types" not in draft.failed:
        issues.extend(_fill_in_by_grants(draft, terms))
    _replace(draft, plan, terms)
    return issues


def _default(draft: Draft, name: str, value: JsonValue) -> None:
    if value is not None and name not in draft.members and name not in draft.failed:
        draft.members[name] = value


def _missing_required(draft: Draft, terms: Terms) -> Iterator[Issue]:
    """Members that policy.registration.required demands and the client did not send.

    Asked before defaults are filled in.
    """
    for name in sorted(terms.policy.registration.required - draft.failed):
        if not draft.has(name):
            error = PARAMETERS[name].error if name in PARAMETERS else InvalidClientMetadata
            yield Issue(name, "is required", "required", "policy.registration.required", error)


def _fill_in_by_grants(draft: Draft, terms: Terms) -> Iterator[Issue]:
    if not draft.has("grant_types"):
        reason = "must be given: its default, authorization_code, is not supported by this server"
        yield Issue("grant_types", reason, "CF-10", "RFC 7591 2")
    grants = REDIRECT_GRANTS.intersection(draft.texts("grant_types"))
    # CF-14: a client without a redirect grant has no response type (RFC 7591 2.1).
    if not grants and terms.policy.grants.stray_response_types == "ignore":
        draft.members.pop("response_types", None)
    if not draft.has("response_types"):
        response_types: JsonValue = ["code"] if "authorization_code" in grants else []
        _default(
            draft, "response_types",
            fitted(response_types, PARAMETERS["response_types"], terms) or [],
        )  # fmt: skip
    if scope := _default_scope(draft, terms):
        _default(draft, "scope", scope)
    if not grants:  # told, because clients in use want the member in every answer
        _default(draft, "redirect_uris", [])


def _default_scope(draft: Draft, terms: Terms) -> str:
    """POL-46: of a client that asks for none."""
    chosen = terms.policy.scope.default
    supported = terms.server.supported("scopes_supported")
    if chosen == "none":
        return ""
    if chosen == "supported":
        alone = _WITHOUT_A_PERSON.isdisjoint(draft.texts("grant_types"))
        return " ".join(supported or ()) if alone else ""
    return " ".join(sorted(each for each in chosen if supported is None or each in supported))


def _replace(draft: Draft, plan: Plan, terms: Terms) -> None:
    """What the server or the policy decides against the client; the answer tells."""
    for name in plan.forced:
        if name not in draft.failed:
            draft.members[name] = True
    policy = terms.policy
    if (
        policy.mtls.stray_subject_params == "ignore"
        and draft.text("token_endpoint_auth_method") != "tls_client_auth"
    ):
        for name in _SUBJECTS:
            draft.members.pop(name, None)
    if (
        policy.fapi.sender_constraint
        and policy.fapi.force_sender_constraint == "force"
        and draft.members.get("tls_client_certificate_bound_access_tokens") is not True
        and "dpop_bound_access_tokens" not in draft.failed
    ):
        draft.members["dpop_bound_access_tokens"] = True


def _choose(draft: Draft, plan: Plan, terms: Terms) -> Iterator[Issue]:
    """One value for each list of possibilities (RPMC-2-02, RPMC-4-01)."""
    for row in plan.choices:
        possible = draft.choices.get(row.name)
        chosen = PARAMETERS[row.chooses or ""]
        if possible is None or chosen.name in draft.failed or not _is_wanted(draft, chosen):
            continue
        if draft.has(chosen.name):
            if draft.members[chosen.name] not in possible:
                yield Issue(chosen.name, f"must be one of {row.name}", "CF-85", _CHOICES)
            continue
        value = _first_acceptable(possible, chosen, draft, terms)
        if value is None:
            reason = "holds nothing that this server supports"
            supported = terms.server.supported(chosen.bounded_by or "")
            listed = f": {', '.join(supported)}" if supported else ""
            yield Issue(row.name, reason + listed, "CF-85", _CHOICES)
        else:
            draft.members[chosen.name] = value


def _is_wanted(draft: Draft, chosen: Parameter) -> bool:
    """Some members mean something beside another one only."""
    if chosen.name.endswith("_enc"):
        return draft.has(f"{chosen.name.removesuffix('enc')}alg")
    if chosen.name == "token_endpoint_auth_signing_alg":
        return draft.text("token_endpoint_auth_method") in algorithms.OF_METHOD
    return True


def _first_acceptable(
    possible: Sequence[str], chosen: Parameter, draft: Draft, terms: Terms
) -> str | None:
    """In the server's order of preference where it has one."""
    supported = terms.server.supported(chosen.bounded_by or "")
    fitting = algorithms.OF_METHOD.get(draft.text("token_endpoint_auth_method"))
    for value in possible if supported is None else [v for v in supported if v in possible]:
        if chosen.name == "token_endpoint_auth_signing_alg" and value not in (fitting or ()):
            continue
        try:
            if chosen.kind.check(value, terms, chosen) == value:
                return value
        except Unacceptable:
            continue
    return None


def _is_native_by_its_uris(draft: Draft, terms: Terms) -> bool:
    """POL-12: native and MCP clients omit application_type and would be judged as web.

    Native is who redirects to private-use schemes or the local machine only; or to a private-use
    scheme and besides to what a native client may use (RFC 8252 7.2), since that is no web client.
    """
    policy = terms.policy
    if (
        not policy.registration.infer_application_type
        or draft.has("application_type")
        or "application_type" in draft.failed
    ):
        return False
    values = draft.texts("redirect_uris")
    private = [is_private_use(value) for value in values]
    if any(private) and policy.redirect.native_claimed_https:
        return True
    pairs = zip(values, private, strict=True)
    return bool(values) and all(own or _is_loopback_http(value) for value, own in pairs)


def _is_native_by_mistake(draft: Draft, terms: Terms) -> bool:
    """Some builds of programs in use say web beside the scheme of an app and nothing for the web.

    A server may replace what it is sent (RFC 7591 3.2.1).
    """
    if (
        not terms.policy.registration.correct_application_type
        or draft.text("application_type") != "web"
    ):
        return False
    values = draft.texts("redirect_uris")
    private = [is_private_use(value) for value in values]
    pairs = zip(values, private, strict=True)
    return any(private) and all(own or _is_loopback_http(value) for value, own in pairs)


def _is_loopback_http(value: str) -> bool:
    uri = parse(value)
    return uri.scheme == "http" and uri.is_loopback
