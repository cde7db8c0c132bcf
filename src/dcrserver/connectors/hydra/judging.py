"""What Hydra would store, and then choke on or never do: told before anything is sent.

It answers 201 to nearly everything: to methods that no login works by, to ``*``, which is a scope
that covers any, to ``javascript:``, where it would send codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from dcrserver.connectors.client import Objection, Verdict, WantedClient
from dcrserver.connectors.hydra.members import UNKEPT
from dcrserver.metadata import PARAMETERS
from dcrserver.strict_json import JsonObject, JsonValue

MAX_ID = 255
_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
_SIGNATURES = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
)  # fmt: skip
_GRANTS = (
    "authorization_code", "implicit", "refresh_token", "client_credentials",
    "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:device_code",
)  # fmt: skip
_OF_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
# A browser runs these, or opens a file.
_DANGEROUS = frozenset({"javascript", "data", "file", "vbscript", "about", "blob"})


def judge(client: WantedClient) -> Verdict:
    """Objections to a client, corrections, and what an operator's page may warn of."""
    changes = corrections(client.metadata)
    members: JsonObject = client.metadata | changes
    found = (each for check in _CHECKS for each in check(members))
    return Verdict((*_identifier(client.client_id), *found), changes, tuple(_warnings(members)))


def corrections(members: JsonObject) -> JsonObject:
    """What is to be registered otherwise: grants that Hydra has not, an algorithm left out.

    Hydra takes RS256 alone where no algorithm is named (``token_endpoint_auth_signing_alg``).
    """
    made: JsonObject = {}
    grants = texts(members.get("grant_types"))
    known = [each for each in grants if each in _GRANTS]
    if known and len(known) < len(grants):
        made["grant_types"] = list[JsonValue](known)
    if members.get("token_endpoint_auth_method") == "private_key_jwt" and not members.get(
        "token_endpoint_auth_signing_alg"
    ):
        made["token_endpoint_auth_signing_alg"] = _algorithm_of(members.get("jwks"))
    return made


def texts(value: JsonValue) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _keys(value: JsonValue) -> list[JsonObject]:
    keys = value.get("keys") if isinstance(value, dict) else None
    return [each for each in keys if isinstance(each, dict)] if isinstance(keys, list) else []


def _algorithm_of(jwks: JsonValue) -> str:
    """By which the first key for signatures signs; RS256 where the keys are elsewhere."""
    for key in _keys(jwks):
        alg = key.get("alg") or _OF_CURVE.get(str(key.get("crv")))
        if key.get("use") != "enc" and alg in _SIGNATURES:
            return str(alg)
    return "RS256"


def _identifier(client_id: str) -> Iterator[Objection]:
    """``.``, ``..`` and ``a/`` can be created, and never be read or deleted."""
    if len(client_id) > MAX_ID:
        yield Objection("client_id", f"client_id is longer than {MAX_ID} characters")
    steps = client_id.split("/")
    if steps[-1] == "" or not {".", ".."}.isdisjoint(steps):
        yield Objection("client_id", "client_id ends in a slash, or has a step '.' or '..'")


def _redirects(members: JsonObject) -> Iterator[Objection]:
    for uri in texts(members.get("redirect_uris")):
        scheme, colon, _ = uri.partition(":")
        if not colon or scheme.lower() in _DANGEROUS or "#" in uri:
            yield Objection(
                "redirect_uris",
                "redirect_uris must be absolute, without a fragment, and of a scheme that no"
                " browser runs",
            )
            return


def _scope(members: JsonObject) -> Iterator[Objection]:
    """``*`` is a wildcard by default; alone it gives any scope."""
    if "*" in str(members.get("scope") or ""):
        yield Objection("scope", "scope must not hold '*', which would stand for any")


def _method(members: JsonObject) -> Iterator[Objection]:
    """Others are stored, and then no login works; some are longer than the column (500)."""
    method = members.get("token_endpoint_auth_method")
    if method is not None and method not in _METHODS:
        yield Objection(
            "token_endpoint_auth_method",
            f"token_endpoint_auth_method must be one of {', '.join(_METHODS)}",
        )
    elif method == "private_key_jwt" and not (
        members.get("jwks_uri") or _keys(members.get("jwks"))
    ):
        yield Objection(
            "token_endpoint_auth_method",
            "token_endpoint_auth_method private_key_jwt needs jwks or jwks_uri",
        )


def _algorithms(members: JsonObject) -> Iterator[Objection]:
    for name, known in (
        ("token_endpoint_auth_signing_alg", _SIGNATURES),
        ("request_object_signing_alg", ("none", *_SIGNATURES)),
        ("userinfo_signed_response_alg", ("none", "RS256")),
    ):
        if (value := members.get(name)) and value not in known:
            yield Objection(name, f"{name} must be one of {', '.join(known)}")


def _grants(members: JsonObject) -> Iterator[Objection]:
    """Any text is stored; an empty list works as authorization_code."""
    if "grant_types" in members and not set(texts(members["grant_types"])) <= set(_GRANTS):
        yield Objection("grant_types", f"grant_types must be of {', '.join(_GRANTS)}")


def _key_sets(members: JsonObject) -> Iterator[Objection]:
    """Private keys are kept and shown; those of other kinds are refused."""
    if members.get("jwks") and members.get("jwks_uri"):
        yield Objection("jwks", "jwks must not stand beside jwks_uri")
    for key in _keys(members.get("jwks")):
        if not _PRIVATE.isdisjoint(key):
            yield Objection("jwks", "jwks must hold no private keys")
            return
        if not _is_known(key):
            yield Objection(
                "jwks", "jwks must hold keys of RSA, of P-256, P-384, P-521, or Ed25519"
            )
            return


def _is_known(key: JsonObject) -> bool:
    kind, curve = key.get("kty"), key.get("crv")
    return (
        kind == "RSA"
        or (kind == "EC" and curve in _OF_CURVE)
        or (kind, curve) == ("OKP", "Ed25519")
    )


def _after_logout(members: JsonObject) -> Iterator[Objection]:
    """On loopback, too, the port counts."""
    places = {_place(each) for each in texts(members.get("redirect_uris"))}
    if any(_place(each) not in places for each in texts(members.get("post_logout_redirect_uris"))):
        yield Objection(
            "post_logout_redirect_uris",
            "post_logout_redirect_uris must each have scheme, host and port of a redirect URI",
        )


def _place(uri: str) -> tuple[str, str]:
    """As Hydra compares: by their letters, and the default port is not one left out."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return (uri, "")
    return (parts.scheme, parts.netloc.rpartition("@")[2].removesuffix(":"))


def _unkept(members: JsonObject) -> Iterator[Objection]:
    """What would vanish with a 201 while the client relies on it."""
    for name, kept in UNKEPT.items():
        value = members.get(name)
        if value and value != PARAMETERS[name].default and (kept is None or value not in kept):
            yield Objection(name, f"{name}: the authorization server would not do what it asks for")


_CHECKS: tuple[Callable[[JsonObject], Iterator[Objection]], ...] = (
    _redirects, _scope, _method, _algorithms, _grants, _key_sets, _after_logout, _unkept,
)  # fmt: skip


def _warnings(members: JsonObject) -> Iterator[Objection]:
    if any(each.startswith("http://localhost") for each in texts(members.get("redirect_uris"))):
        yield Objection(
            "redirect_uris",
            "redirect_uris: the port of localhost must be the very one; that of 127.0.0.1 is free",
        )
    if members.get("require_pkce"):
        yield Objection(
            "require_pkce", "require_pkce is enforced for all clients there or for none"
        )
