"""What the targets of Keycloak are given, of a client's metadata: the functions of ``rows``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from dcrserver.metadata.fingerprints import without_loopback_port
from dcrserver.strict_json import JsonObject, JsonValue, dumps

Value: TypeAlias = Callable[[JsonObject], JsonValue]

SEPARATOR = "##"
BROWSER_GRANTS = frozenset(
    {"authorization_code", "implicit", "urn:ietf:params:oauth:grant-type:device_code"}
)
AUTHENTICATORS = {
    "private_key_jwt": "client-jwt",
    "client_secret_jwt": "client-secret-jwt",
    "tls_client_auth": "client-x509",
}
_OF_A_SECRET = frozenset({"client_secret_basic", "client_secret_post"})


def text(member: str) -> Value:
    """As it is, or empty: what is left out stays as it was there."""
    return lambda metadata: str(metadata.get(member) or "")


def switch(member: str) -> Value:
    """The attribute of a truth: Keycloak's own default is not always false."""
    return lambda metadata: "true" if metadata.get(member) is True else "false"


def joined(member: str, none: str = "") -> Value:
    """A list in an attribute."""
    return lambda metadata: SEPARATOR.join(texts(metadata, member)) or none


def grant(name: str) -> Value:
    """A field that says whether the client has the grant type."""
    return lambda metadata: name in texts(metadata, "grant_types")


def grant_text(name: str) -> Value:
    """The same in an attribute."""
    return lambda metadata: "true" if name in texts(metadata, "grant_types") else "false"


def stored(name: str) -> Value:
    """Texts as they are, anything else as JSON."""

    def write(metadata: JsonObject) -> str:
        found = metadata.get(name)
        if found is None:
            return ""
        return found if isinstance(found, str) else dumps(found)

    return write


def texts(metadata: JsonObject, member: str) -> list[str]:
    """The texts of a list; none of anything else."""
    found = metadata.get(member)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def method(metadata: JsonObject) -> str:
    """How it authenticates."""
    return str(metadata.get("token_endpoint_auth_method") or "client_secret_basic")


def needs_secret(metadata: JsonObject) -> bool:
    """Whether it authenticates by a secret."""
    return method(metadata).startswith("client_secret")


def shown_name(metadata: JsonObject) -> str:
    """What Keycloak's pages call the client."""
    return str(metadata.get("application_display_name") or metadata.get("client_name") or "")


def redirect_uris(metadata: JsonObject) -> JsonValue:
    """RFC 8252 7.3: Keycloak lets any port be only where none is registered."""
    return _in_order(metadata, "redirect_uris")


def web_origins(metadata: JsonObject) -> JsonValue:
    """``+``: those of the redirect URIs, whatever these become."""
    return ["+"] if texts(metadata, "redirect_uris") else []


def logout_uris(metadata: JsonObject) -> JsonValue:
    """``-``: none; without the attribute the redirect URIs would do."""
    return SEPARATOR.join(map(str, _in_order(metadata, "post_logout_redirect_uris"))) or "-"


def _in_order(metadata: JsonObject, member: str) -> list[JsonValue]:
    return [*dict.fromkeys(map(without_loopback_port, texts(metadata, member)))]


def authenticator(metadata: JsonObject) -> str:
    """Keycloak's name of the method."""
    return AUTHENTICATORS.get(method(metadata), "client-secret")


def secret_method(metadata: JsonObject) -> str:
    """Which of the two that send the secret; unset would be both."""
    return found if (found := method(metadata)) in _OF_A_SECRET else ""


def has_person(metadata: JsonObject) -> bool:
    """Whether somebody signs in."""
    return not BROWSER_GRANTS.isdisjoint(texts(metadata, "grant_types"))


def asks_consent(metadata: JsonObject) -> bool:
    """Who registered itself is a stranger to the people who sign in."""
    return has_person(metadata) and metadata.get("skip_consent") is not True


def pkce(metadata: JsonObject) -> str:
    """RFC 9700 2.1.1: of public clients always; unset, it is checked where it is sent."""
    demanded = metadata.get("require_pkce")
    is_public = method(metadata) == "none" and demanded is not False
    has_code = "authorization_code" in texts(metadata, "grant_types")
    return "S256" if has_code and (demanded is True or is_public) else ""


def uses_front_channel(metadata: JsonObject) -> bool:
    """With the flag Keycloak makes no call to the back channel, which is the surer one."""
    return "frontchannel_logout_uri" in metadata and "backchannel_logout_uri" not in metadata


def access_token_lifetime(metadata: JsonObject) -> str:
    """Seconds; there is one for all grants, so the shorter counts."""
    names = (
        "authorization_code_access_token_lifetime",
        "client_credentials_access_token_lifetime",
    )
    found = [each for name in names if isinstance(each := metadata.get(name), int)]
    return str(min(found)) if found else ""


def request_object_required(metadata: JsonObject) -> str:
    """Its own words for it; ``true`` would be ignored."""
    required = metadata.get("require_signed_request_object") is True
    return "request or request_uri" if required else ""


def of_certificates(value: str) -> Value:
    """Only of clients that authenticate by a certificate."""
    return lambda metadata: value if method(metadata) == "tls_client_auth" else ""


def given(member: str, yes: str = "true", no: str = "false") -> Value:
    """Whether the member is there."""
    return lambda metadata: yes if member in metadata else no


LANGUAGE = re.compile(r"[a-z_]+#[A-Za-z0-9-]+")


def localised(metadata: JsonObject) -> dict[str, JsonValue]:
    """Members in other languages, which Keycloak has no place for."""
    return {name: each for name, each in metadata.items() if LANGUAGE.fullmatch(name)}
