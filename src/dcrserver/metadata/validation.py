"""From a submission to a registration: shape, kinds, defaults, rules. All issues are collected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dcrserver.errors import InvalidClientMetadata
from dcrserver.metadata.algorithms import DEFAULT_CONTENT_ENCRYPTION
from dcrserver.metadata.model import (
    ClientMetadata,
    Draft,
    Issue,
    Parameter,
    Terms,
    Unacceptable,
)
from dcrserver.metadata.parameters import PARAMETERS
from dcrserver.metadata.redirect_uris import is_private_use
from dcrserver.metadata.rules import REDIRECT_GRANTS, RULES
from dcrserver.metadata.text import is_language_tag
from dcrserver.metadata.uris import parse
from dcrserver.strict_json import JsonValue

_ENCRYPTED = (
    "id_token_encrypted_response",
    "userinfo_encrypted_response",
    "request_object_encryption",
)
_WITH_DEFAULT = {name: row for name, row in PARAMETERS.items() if row.default is not None}
_LOCALIZABLE = frozenset(name for name, row in PARAMETERS.items() if row.localizable)


def validate(submission: Mapping[str, JsonValue], terms: Terms) -> ClientMetadata:
    """The registration that ``submission`` asks for.

    Members that are not in the catalogue are ignored (RFC 7591 2), null counts as omitted
    (RFC 7592 2.2). The result holds every default and is stored and echoed as it is.

    Raises:
        RegistrationError: of the class of the first issue, with the texts of all.
    """
    draft, issues = examine(submission, terms)
    if issues:
        raise issues[0].error("; ".join(issue.text for issue in issues))
    return ClientMetadata(draft.members)


def examine(submission: Mapping[str, JsonValue], terms: Terms) -> tuple[Draft, list[Issue]]:
    """As ``validate``, with the issues as data: single members in catalogue order, then rules."""
    draft = Draft({})
    issues = [*_judge(submission, terms, draft), *_fill_in(draft, terms)]
    for rule in RULES:
        issues.extend(rule.issues(draft, terms))
    return draft, issues


def _members(submission: Mapping[str, JsonValue]) -> list[tuple[str, Parameter]]:
    """The members to judge, by the order of the catalogue; what is not understood is left out."""
    tagged: dict[str, list[str]] = {}
    for name in submission:
        base, has_tag, tag = name.partition("#")
        if has_tag and base in _LOCALIZABLE and is_language_tag(tag):
            tagged.setdefault(base, []).append(name)
    found: list[tuple[str, Parameter]] = []
    for base, parameter in PARAMETERS.items():
        names = ([base] if base in submission else []) + sorted(tagged.get(base, []))
        found.extend((name, parameter) for name in names)
    return found


def _judge(submission: Mapping[str, JsonValue], terms: Terms, draft: Draft) -> Iterator[Issue]:
    """Puts each member that its kind accepts into ``draft``."""
    seen: set[str] = set()
    for name, parameter in _members(submission):
        value = submission[name]
        if value is None or (parameter.kind.empty_is_omitted and value in ("", [])):
            continue
        if name.lower() in seen:  # client_name#fr and client_name#FR (RFC 7591 2.2, POL-21)
            reason = "is given twice with language tags that differ in case only"
            yield Issue(parameter.name, reason, "RFC 7591 2.2")
            continue
        seen.add(name.lower())
        try:
            kept = parameter.kind.check(value, terms, parameter)
        except Unacceptable as error:
            draft.failed.add(parameter.name)
            yield Issue(name, str(error), parameter.specification, parameter.error)
            continue
        if kept is not None:
            draft.members[name] = kept


def _fill_in(draft: Draft, terms: Terms) -> Iterator[Issue]:
    """The defaults, where nothing was sent; first those that follow from other members."""
    if _is_native_by_its_uris(draft, terms):
        _default(draft, "application_type", "native")
    for stem in _ENCRYPTED:
        if draft.has(f"{stem}_alg"):
            name = f"{stem}_enc"
            _default(draft, name, _supported(DEFAULT_CONTENT_ENCRYPTION, PARAMETERS[name], terms))
    for name, parameter in _WITH_DEFAULT.items():
        _default(draft, name, _supported(parameter.default, parameter, terms))
    if "grant_types" in draft.failed:
        return
    if not draft.has("grant_types"):
        reason = "must be given: its default, authorization_code, is not supported by this server"
        yield Issue("grant_types", reason, "RFC 7591 2")
    grants = REDIRECT_GRANTS.intersection(draft.texts("grant_types"))
    # CF-14: a client without a redirect grant has no response type (RFC 7591 2.1).
    response_types: JsonValue = ["code"] if "authorization_code" in grants else []
    supported = _supported(response_types, PARAMETERS["response_types"], terms)
    _default(draft, "response_types", supported or [])
    if not grants:  # told, because clients in use want the member in every answer
        _default(draft, "redirect_uris", [])


def _default(draft: Draft, name: str, value: JsonValue) -> None:
    if value is not None and not draft.has(name) and name not in draft.failed:
        draft.members[name] = value


def _is_native_by_its_uris(draft: Draft, terms: Terms) -> bool:
    """POL-12: native and MCP clients omit application_type and would be judged as web.

    Native is who redirects to private-use schemes or the local machine only; or to a private-use
    scheme and besides to what a native client may use (RFC 8252 7.2), since that is no web client.
    """
    policy = terms.policy
    values = draft.texts("redirect_uris")
    private = [is_private_use(value) for value in values]
    if not values or not policy.registration.infer_application_type:
        return False
    if any(private) and policy.redirect.native_claimed_https:
        return True
    pairs = zip(values, private, strict=True)
    return all(own or _is_loopback_http(value) for value, own in pairs)


def _is_loopback_http(value: str) -> bool:
    uri = parse(value)
    return uri.scheme == "http" and uri.is_loopback


def _supported(default: JsonValue, parameter: Parameter, terms: Terms) -> JsonValue:
    """``default``; one the server lacks gives way to its first choice, or to nothing."""
    supported = terms.server.supported(parameter.bounded_by or "")
    if supported is None:
        return default
    choices: list[JsonValue] = [default]
    if isinstance(default, str):
        choices.extend(supported)
    for choice in choices:
        try:
            return parameter.kind.check(choice, terms, parameter)
        except Unacceptable:
            continue
    return None


def refuse_server_members(submission: Mapping[str, JsonValue], names: frozenset[str]) -> None:
    """Refuses members that only the server sets.

    Raises:
        InvalidClientMetadata: one of ``names`` is there and not null.
    """
    given = sorted(name for name in names if submission.get(name) is not None)
    if given:
        raise InvalidClientMetadata(f"{', '.join(given)} must not be sent: set by this server")
