"""Client ID metadata documents: which URLs name clients, and what their documents may say.

draft-ietf-oauth-client-id-metadata-document-02. Nothing here reads from the network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from dcrserver.metadata import uris
from dcrserver.metadata.addresses import is_local_name, is_special
from dcrserver.metadata.rules.protection import SECRET_METHODS
from dcrserver.strict_json import BadJson, JsonObject, loads_object

_SCHEME = "https://"
_JSON = re.compile(r"application/(?:[a-z0-9!#$&^_.+-]+\+)?json")
_METHOD, _METHODS = "token_endpoint_auth_method", "token_endpoint_auth_methods_supported"
_SECRETS = ("client_secret", "client_secret_expires_at")
_MAX_MEMBERS = 200
# As of every other client_id: no database has room for more.
_MAX_URL = 512


# What a URL must not be (section 3), and the sentence about it; dot segments are no URI to us.
_FORM: tuple[tuple[Callable[[uris.Uri], bool], str], ...] = (
    (lambda uri: uri.scheme != "https" or not uri.host, "client_id must be an https URL"),
    (lambda uri: uri.userinfo, "client_id must not hold a user name or password"),
    (lambda uri: uri.fragment is not None, "client_id must not have a fragment"),
    (lambda uri: not uri.path, "client_id must have a path, such as /client.json"),
)


class BadDocument(ValueError):
    """The document is not acceptable; the message is a sentence for whoever wrote it."""


def names_document(client_id: str) -> bool:
    """Whether ``client_id`` is meant to be a URL: no identifier that we make begins so (6.9)."""
    return client_id.startswith(_SCHEME)


def url_problem(client_id: str) -> str | None:
    """Why no document may be read from this URL (section 3); None: it may."""
    if len(client_id) > _MAX_URL:
        return f"client_id must have at most {_MAX_URL} characters"
    try:
        uri = uris.parse(client_id)
    except uris.BadUri as error:
        return f"client_id {error}"
    return next((problem for is_wrong, problem in _FORM if is_wrong(uri)), None)


def members_in(body: bytes, media_type: str, client_id: str) -> JsonObject:
    """The metadata that a document registers (section 4.1), without its client_id.

    A method that is not named is none: the default of RFC 7591 is a secret, which no document can
    hold.

    Raises:
        BadDocument: it is not that of ``client_id``, or says what no document may.
    """
    if not _JSON.fullmatch(media_type):
        told = media_type or "none"
        raise BadDocument(f"its Content-Type must be application/json, and is {told[:80]}")
    try:
        members = loads_object(body, max_members=_MAX_MEMBERS)
    except BadJson as error:
        raise BadDocument(f"it is no JSON object: {error}") from None
    named = members.pop("client_id", None)
    if named != client_id:
        raise BadDocument("its client_id must be the URL that it was read from, octet by octet")
    for name in _SECRETS:
        if members.get(name) is not None:
            raise BadDocument(f"{name} must not be in it: everybody can read it")
    _settle_method(members)
    return members


def check_locations(members: JsonObject, allowed_hosts: Collection[str]) -> None:
    """No URI in it leads to a special-purpose address, also one that only people would open (6.5).

    Where people are sent back to is judged as in a registration: apps listen on loopback.

    Raises:
        BadDocument: one does.
    """
    for name, value in members.items():
        if not isinstance(value, str) or not name.partition("#")[0].endswith("_uri"):
            continue
        try:
            uri = uris.parse(value)
        except uris.BadUri:
            continue  # the rules of the member tell
        is_near = is_local_name(uri.host or "") or (uri.address and is_special(uri.address))
        if is_near and uri.authority not in allowed_hosts:
            raise BadDocument(f"{name} must not lead to a special-purpose address")


def _settle_method(members: JsonObject) -> None:
    method, methods = members.get(_METHOD), members.get(_METHODS)
    if method in SECRET_METHODS:
        raise BadDocument(f"{_METHOD} must not be {method}: a document holds no secret")
    if isinstance(methods, list):
        left = [each for each in methods if each not in SECRET_METHODS]
        if not left:
            raise BadDocument(f"{_METHODS} names methods with a secret alone")
        members[_METHODS] = left
    elif method is None:
        members[_METHOD] = "none"
