"""A contract double of Ory Hydra's admin API: what a real one (July 2026) was seen to do.

``Hydra.answer`` is the whole of it, without a socket; ``served`` puts it behind one. Beside the API
it can tell what a sign-in would do (``sign_in``, ``refresh``, ``is_live``), and what of a client it
has stored without ever acting upon it (``nonsense``).
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

ADMIN = "/admin/clients"
_LISTS = (
    "redirect_uris", "grant_types", "response_types", "audience", "allowed_cors_origins",
    "contacts", "request_uris", "post_logout_redirect_uris",
)  # fmt: skip
_TEXTS = (
    "client_name", "scope", "owner", "policy_uri", "tos_uri", "client_uri", "logo_uri",
    "subject_type", "sector_identifier_uri", "jwks_uri", "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg", "request_object_signing_alg",
    "userinfo_signed_response_alg", "frontchannel_logout_uri", "backchannel_logout_uri",
    "access_token_strategy",
)  # fmt: skip
_FLAGS = (
    "frontchannel_logout_session_required", "backchannel_logout_session_required",
    "skip_consent", "skip_logout_consent",
)  # fmt: skip
_LIFESPANS = tuple(
    f"{each}_lifespan"
    for each in (
        "authorization_code_grant_access_token", "authorization_code_grant_id_token",
        "authorization_code_grant_refresh_token", "client_credentials_grant_access_token",
        "implicit_grant_access_token", "implicit_grant_id_token",
        "jwt_bearer_grant_access_token", "refresh_token_grant_id_token",
        "refresh_token_grant_access_token", "refresh_token_grant_refresh_token",
        "device_authorization_grant_id_token", "device_authorization_grant_access_token",
        "device_authorization_grant_refresh_token",
    )
)  # fmt: skip
# Left out of answers where they are empty.
_LEFT_OUT = (
    "sector_identifier_uri", "jwks_uri", "token_endpoint_auth_signing_alg", "request_uris",
    "request_object_signing_alg", "frontchannel_logout_uri", "backchannel_logout_uri",
    "frontchannel_logout_session_required", "backchannel_logout_session_required",
    "post_logout_redirect_uris", "access_token_strategy",
)  # fmt: skip
_COLUMNS = {"token_endpoint_auth_method": 25, "subject_type": 15} | dict.fromkeys(
    ("token_endpoint_auth_signing_alg", "request_object_signing_alg",
     "userinfo_signed_response_alg"), 10,
)  # fmt: skip
_OF_KEYS = ("kty", "use", "kid", "alg", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi",
            "x5c", "x5u", "x5t", "x5t#S256")  # fmt: skip
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|h|m|s))+")
_SIGNATURES = {f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)}
_GRANTS = {
    "authorization_code", "implicit", "refresh_token", "client_credentials",
    "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:device_code",
}  # fmt: skip
_DEFAULT_SCOPE = "offline_access offline openid"
_LONGEST_PAGE = 500


class Refused(Exception):
    """What it answers instead of a client."""

    def __init__(self, status: int, error: str, description: str = "") -> None:
        super().__init__(description or error)
        self.status, self.error = status, error
        self.body = {"error": error, "error_description": description}


def _invalid(description: str, error: str = "invalid_client_metadata") -> Refused:
    return Refused(400, error, description)


_NOT_FOUND = Refused(404, "Unable to locate the resource")
_BROKEN = Refused(500, "The server encountered an error")


class Reply(NamedTuple):
    """``body`` None: no content."""

    status: int
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


class Fault(NamedTuple):
    """What happens to the next call in place of its answer; ``is_done``: after it did its work.

    ``status`` 0: the connection ends without an answer.
    """

    status: int
    is_done: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"{}"


@dataclass
class Hydra:
    """``clients`` are as they are stored; ``calls`` tells every method and path that came."""

    subject_types: tuple[str, ...] = ("public", "pairwise")
    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    calls: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    # Called while a secret is rotated.
    on_rotation: Callable[[], object] = lambda: None
    registration_tokens: dict[str, str] = field(default_factory=dict)
    _secrets: dict[str, str] = field(default_factory=dict)
    _rotated: dict[str, list[str]] = field(default_factory=dict)
    # By token: whose it is.
    _access: dict[str, str] = field(default_factory=dict)
    _refresh: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, target: str, body: bytes = b"") -> Reply:
        """What one call is answered; ``target``: path and query, as they are on the wire."""
        with self._lock:
            self.calls.append((method, target))
            try:
                return self._routed(method, urlsplit(target).path, target, body)
            except Refused as error:
                return Reply(error.status, error.body)

    def _routed(self, method: str, path: str, target: str, body: bytes) -> Reply:
        query = {name: each[-1] for name, each in parse_qs(urlsplit(target).query).items()}
        if (method, path) == ("GET", "/version"):
            return Reply(200, {"version": "double"})
        if (method, path) == ("DELETE", "/admin/oauth2/tokens"):
            return self._end_access_tokens(query["client_id"])
        if path == ADMIN:
            return self._create(_object(body)) if method == "POST" else self._list(query)
        rest = path.removeprefix(f"{ADMIN}/")
        # It looks at the path before it decodes it, and takes these steps for steps.
        if rest == path or rest.endswith(("/", "%2F")) or rest in {".", ".."}:
            raise _NOT_FOUND
        segment, _, beneath = rest.partition("/")
        return self._one(method, unquote(segment), beneath, body)

    def _one(self, method: str, client_id: str, beneath: str, body: bytes) -> Reply:
        if client_id not in self.clients:
            raise _NOT_FOUND
        if beneath == "secrets/rotate":
            return self._rotate(method, client_id)
        if beneath == "lifespans" and method == "PUT":
            return self._set_lifespans(client_id, _object(body))
        if method == "GET":
            return Reply(200, self._shown(client_id))
        if method == "PUT":
            return self._put(client_id, _object(body))
        if method == "PATCH":
            return self._patch(client_id, json.loads(body))
        self._delete(client_id)
        return Reply(204)

    def _create(self, sent: dict[str, Any]) -> Reply:
        client_id = sent.get("client_id") or str(uuid.uuid4())
        secret = sent.get("client_secret") or secrets.token_hex(13)
        stored = self._validated(sent | {"client_secret": secret})
        if len(client_id) > 255 or "\0" in client_id:
            raise _BROKEN
        if client_id in self.clients:
            raise Refused(409, "Unable to insert or update resource because a resource exists")
        self.clients[client_id] = stored
        self._secrets[client_id], self._rotated[client_id] = secret, []
        token = f"ory_at_{secrets.token_hex(8)}"
        self.registration_tokens[client_id] = token
        encoded = quote(quote(client_id, safe=""), safe="")
        told = self._shown(client_id) | {
            "registration_access_token": token,
            "registration_client_uri": f"http://public.example/oauth2/register/{encoded}",
        }
        if stored["token_endpoint_auth_method"] != "none":
            told["client_secret"] = secret
        return Reply(201, told, (("Location", f"{ADMIN}/{encoded}"),))

    def _put(self, client_id: str, sent: dict[str, Any]) -> Reply:
        """Whole: what is omitted falls to its default, but for the secrets."""
        stored = self._validated(sent)
        stored["created_at"] = self.clients[client_id]["created_at"]
        self.clients[client_id] = stored
        self.registration_tokens.pop(client_id, None)
        told = self._shown(client_id)
        if secret := sent.get("client_secret"):
            self._secrets[client_id], self._rotated[client_id] = secret, []
            told["client_secret"] = secret
        return Reply(200, told)

    def _patch(self, client_id: str, operations: list[dict[str, Any]]) -> Reply:
        """``client_id`` in it makes it write over the client of that id."""
        if not isinstance(operations, list):
            raise _BROKEN
        changed = dict(self.clients[client_id])
        for each in operations:
            name = each["path"].removeprefix("/")
            if name == "id" or (each["op"] == "test" and changed.get(name) != each["value"]):
                raise _BROKEN
            if each["op"] in {"add", "replace"}:
                changed[name] = each["value"]
            elif each["op"] == "remove":
                changed.pop(name, None)
        return self._put(changed.pop("client_id", client_id), changed)

    def _set_lifespans(self, client_id: str, sent: dict[str, Any]) -> Reply:
        of_others = {name: each for name, each in self.clients[client_id].items()
                     if name not in _LIFESPANS}  # fmt: skip
        self.clients[client_id] = of_others | _lifespans(sent)
        return Reply(200, self._shown(client_id))

    def _rotate(self, method: str, client_id: str) -> Reply:
        method_of_client = self.clients[client_id]["token_endpoint_auth_method"]
        if method_of_client not in {"client_secret_basic", "client_secret_post"}:
            raise Refused(400, "The request was malformed", "does not support secret rotation")
        if method == "DELETE":
            self._rotated[client_id] = []
            return Reply(200, self._shown(client_id))
        self.on_rotation()
        self._rotated[client_id] = [self._secrets[client_id], *self._rotated[client_id]][:5]
        self._secrets[client_id] = secrets.token_hex(13)
        return Reply(200, self._shown(client_id) | {"client_secret": self._secrets[client_id]})

    def _delete(self, client_id: str) -> None:
        del self.clients[client_id], self._secrets[client_id], self._rotated[client_id]
        self.registration_tokens.pop(client_id, None)
        for kept in (self._access, self._refresh):
            for token in [token for token, owner in kept.items() if owner == client_id]:
                del kept[token]

    def _end_access_tokens(self, client_id: str) -> Reply:
        """Not the refresh tokens."""
        self._access = {token: each for token, each in self._access.items() if each != client_id}
        return Reply(204)

    def _list(self, query: dict[str, str]) -> Reply:
        size = min(int(query.get("page_size", 100)), _LONGEST_PAGE)
        names = sorted(
            name for name, each in self.clients.items()
            if all(each[by] == query[by] for by in ("owner", "client_name") if by in query)
        )  # fmt: skip
        after = query.get("page_token", "")
        page = [name for name in names if name > after][:size]
        filters = {name: query[name] for name in ("owner", "client_name") if name in query}
        links = [_link("first", {**filters, "page_size": str(size)})]
        if page and page[-1] != names[-1]:
            links.append(_link("next", {**filters, "page_size": str(size), "page_token": page[-1]}))
        return Reply(200, [self._shown(each) for each in page], (("Link", ",".join(links)),))

    def _shown(self, client_id: str) -> dict[str, Any]:
        """As GET tells it: no secret, no registration token."""
        told = {"client_id": client_id, "client_secret_expires_at": 0} | self.clients[client_id]
        return {name: each for name, each in told.items() if each or name not in _LEFT_OUT}

    def _validated(self, sent: dict[str, Any]) -> dict[str, Any]:
        """What it stores of a client: members that it does not know vanish."""
        made: dict[str, Any] = {name: _typed(sent, name, list) or [] for name in _LISTS}
        made |= {name: _typed(sent, name, str) or "" for name in _TEXTS}
        made |= {name: bool(_typed(sent, name, bool)) for name in _FLAGS}
        made |= _lifespans(sent)
        made |= {"metadata": sent.get("metadata") or {}, "jwks": _keys(sent.get("jwks"))}
        made |= {"created_at": "2026-07-24T00:00:00Z", "updated_at": "2026-07-24T00:00:00Z"}
        made["token_endpoint_auth_method"] = (
            made["token_endpoint_auth_method"] or "client_secret_basic"
        )
        made["scope"] = made["scope"] or _DEFAULT_SCOPE
        made["userinfo_signed_response_alg"] = made["userinfo_signed_response_alg"] or "none"
        made["subject_type"] = made["subject_type"] or self.subject_types[0]
        self._check(made, sent.get("client_secret") or "")
        if any(len(made[name]) > length for name, length in _COLUMNS.items()):
            raise _BROKEN
        return made

    def _check(self, made: dict[str, Any], secret: str) -> None:
        """Its validation, one issue at a time; nothing else is looked at."""
        _check_authentication(made)
        if 0 < len(secret) < 6:
            raise _invalid("Field client_secret must be at least 6 characters long.")
        _check_locations(made)
        if made["userinfo_signed_response_alg"] not in {"none", "RS256"}:
            raise _invalid("Field userinfo_signed_response_alg can either be 'none' or 'RS256'.")
        if made["subject_type"] not in self.subject_types:
            raise _invalid("Subject type is not supported by server.")
        if made["access_token_strategy"] not in {"", "jwt", "opaque"}:
            raise _invalid("invalid access token strategy")

    # What is true of a client when somebody signs in.

    def authenticates(self, client_id: str, secret: str) -> bool:
        """By basic or post: the secret or one of the five before, as long as nobody ended them."""
        client = self.clients.get(client_id)
        return (
            client is not None
            and client["token_endpoint_auth_method"]
            in {"client_secret_basic", "client_secret_post"}
            and secret in (self._secrets[client_id], *self._rotated[client_id])
        )

    def sign_in(self, client_id: str, redirect_uri: str) -> tuple[str, str]:
        """An access and a refresh token.

        Raises:
            Refused: with the error that somebody would see, at once or at the token endpoint.
        """
        client = self.clients.get(client_id)
        if client is None:
            raise Refused(401, "invalid_client")
        if redirect_uri not in client["redirect_uris"]:
            raise Refused(400, "invalid_request", "at once")
        if "authorization_code" not in (client["grant_types"] or ["authorization_code"]):
            raise Refused(400, "unauthorized_client", "after consent")
        tokens = secrets.token_hex(8), secrets.token_hex(8)
        self._access[tokens[0]], self._refresh[tokens[1]] = client_id, client_id
        return tokens

    def refresh(self, token: str) -> str:
        """
        Raises:
            Refused: the token is dead, or the client may not.
        """
        client_id = self._refresh.get(token, "")
        if client_id not in self.clients:
            raise Refused(401, "invalid_client")
        if "refresh_token" not in self.clients[client_id]["grant_types"]:
            raise Refused(400, "unauthorized_client")
        made = secrets.token_hex(8)
        self._access[made] = client_id
        return made

    def is_live(self, access_token: str) -> bool:
        return access_token in self._access


def _check_authentication(made: dict[str, Any]) -> None:
    if made["token_endpoint_auth_method"] == "private_key_jwt":
        if not made["jwks"] and not made["jwks_uri"]:
            raise _invalid("either jwks or jwks_uri must be set.")
        if (made["token_endpoint_auth_signing_alg"] or "RS256") not in _SIGNATURES:
            raise _invalid("Only RS256, ... are supported.")
    if made["jwks"] and made["jwks_uri"]:
        raise _invalid("Fields jwks and jwks_uri can not both be set.")


def _check_locations(made: dict[str, Any]) -> None:
    for name in ("tos_uri", "policy_uri", "logo_uri", "client_uri"):
        if made[name] and urlsplit(made[name]).scheme not in {"http", "https"}:
            raise _invalid(f"Field {name} must be a valid URI.")
    for uri in made["redirect_uris"]:
        if "#" in uri:
            raise _invalid("Redirect URIs must not contain fragments.", "invalid_redirect_uri")
        if not uri.startswith("/") and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", uri):
            raise _invalid("Unable to parse redirect URL", "invalid_redirect_uri")
    places = {_place(uri) for uri in made["redirect_uris"]}
    if any(_place(uri) not in places for uri in made["post_logout_redirect_uris"]):
        raise _invalid("post_logout_redirect_uri must match a redirect URI")


def nonsense(client: dict[str, Any]) -> set[str]:
    """The members of a stored client that it took, and by which nothing works, or too much."""
    found = set()
    scopes = client["scope"].split()
    if any("*" in each for each in scopes):
        found.add("scope")
    method = client["token_endpoint_auth_method"]
    if method not in {"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}:
        found.add("token_endpoint_auth_method")
    keys = client["jwks"].get("keys", []) if client["jwks"] else []
    if method == "private_key_jwt" and not client["jwks_uri"] and not keys:
        found.add("token_endpoint_auth_method")
    if any("d" in each for each in keys):
        found.add("jwks")
    if not set(client["grant_types"]) <= _GRANTS:
        found.add("grant_types")
    for name in ("token_endpoint_auth_signing_alg", "request_object_signing_alg"):
        if client[name] and client[name] not in _SIGNATURES | (
            {"none"} if name == "request_object_signing_alg" else set()
        ):
            found.add(name)
    schemes = {urlsplit(each).scheme for each in client["redirect_uris"]}
    if schemes & {"javascript", "data", "file", ""}:
        found.add("redirect_uris")
    return found


def _object(body: bytes) -> dict[str, Any]:
    try:
        made = json.loads(body)
    except ValueError:
        raise Refused(400, "The request was malformed", "Unable to decode the body") from None
    if not isinstance(made, dict):
        raise Refused(400, "The request was malformed", "Unable to decode the body")
    return made


def _typed(sent: dict[str, Any], name: str, kind: type) -> Any:
    value = sent.get(name)
    if value is not None and not isinstance(value, kind):
        raise Refused(400, "The request was malformed", f"cannot unmarshal {name}")
    return value


def _lifespans(sent: dict[str, Any]) -> dict[str, Any]:
    """Times as Go writes them: minutes and hours are told apart; null where there is none."""
    made: dict[str, Any] = {}
    for name in _LIFESPANS:
        value = _typed(sent, name, str)
        if value is not None and not _DURATION.fullmatch(value):
            raise Refused(400, "The request was malformed", f"time: invalid duration {value}")
        made[name] = None if value is None else _as_go_writes(value)
    return made


def _as_go_writes(value: str) -> str:
    units = {"h": 3600, "m": 60, "s": 1}
    total = int(sum(float(n) * units[unit] for n, unit in re.findall(r"([\d.]+)(h|m|s)", value)))
    hours, minutes, seconds = total // 3600, total // 60 % 60, total % 60
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def _keys(jwks: Any) -> dict[str, Any]:
    """Private keys are kept; members of a key that it does not know go; other kinds are refused."""
    if not jwks:
        return {}
    kept = []
    for key in jwks.get("keys") or []:
        kind, curve = key.get("kty"), key.get("crv")
        known = kind == "RSA" or (kind, curve) == ("OKP", "Ed25519")
        if not known and not (kind == "EC" and curve in {"P-256", "P-384", "P-521"}):
            raise Refused(400, "The request was malformed", "unknown json web key type")
        kept.append({name: key[name] for name in _OF_KEYS if name in key})
    return {"keys": kept}


def _place(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    return parts.scheme, parts.netloc.rpartition("@")[2]


def _link(relation: str, query: dict[str, str]) -> str:
    return f'<{ADMIN}?{urlencode(query)}>; rel="{relation}"'


@contextmanager
def served(double: Hydra | None = None) -> Iterator[Hydra]:
    """The double behind a socket; ``url`` says where."""
    made = double or Hydra()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = made.faults.popleft() if made.faults else None
            reply = Reply(0) if fault and not fault.is_done else made.answer(
                self.command, self.path, body
            )  # fmt: skip
            if fault is None:
                content = b"" if reply.body is None else json.dumps(reply.body).encode()
                self._send(reply.status, reply.headers, content)
            elif fault.status:
                self._send(fault.status, fault.headers, fault.body)
            else:
                self.close_connection = True

        def _send(self, status: int, headers: Any, content: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing: the output is the test's."""

    for method in ("POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.do_GET)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
