"""A person who signs in at Keycloak for a client, by code and PKCE, without a browser."""

from __future__ import annotations

import hashlib
import html.parser
import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import httpx

from dcrserver.jose import base64url
from harness.clients import assertion
from harness.keycloak import PASSWORD, PERSON, REALM, Keycloak

_PAGES = 8


class Refused(Exception):
    """``str``: the error of OAuth, or the words of the page."""


@dataclass(frozen=True)
class Program:
    """A client, and by what it proves to be it: ``secret``, or ``key`` (private, for ES256)."""

    client_id: str
    secret: str = ""
    key: Any = None
    kid: str | None = None
    redirect_uri: str = "https://client.example.org/cb"
    realm: str = REALM


def sign_in(
    server: Keycloak, program: Program, scope: str = "openid", **more: str
) -> dict[str, Any]:
    """The tokens that the program gets once the person has agreed; ``more``: of the request, where
    an empty one takes a parameter away.

    Raises:
        Refused: at whatever step.
    """
    verifier = secrets.token_urlsafe(48)
    request = {
        "client_id": program.client_id, "redirect_uri": program.redirect_uri,
        "response_type": "code", "scope": scope, "state": "s",
        "code_challenge": base64url(hashlib.sha256(verifier.encode()).digest()),
        "code_challenge_method": "S256", **more,
    }  # fmt: skip
    request = {name: each for name, each in request.items() if each}
    with _browser() as http:
        code = _agreed(http, server.endpoint("auth", program.realm), request)
    return tokens(
        server, program, grant_type="authorization_code", code=code,
        redirect_uri=program.redirect_uri,
        **({"code_verifier": verifier} if "code_challenge" in request else {}),
    )  # fmt: skip


def tokens(server: Keycloak, program: Program, **form: str) -> dict[str, Any]:
    """What the token endpoint answers to this program."""
    url, headers = server.endpoint("token", program.realm), {}
    if program.secret:
        pair = f"{quote_plus(program.client_id)}:{quote_plus(program.secret)}"  # RFC 6749 2.3.1
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    else:
        form["client_id"] = program.client_id
    if program.key:
        kid = {"kid": program.kid} if program.kid else None
        form |= assertion(program.client_id, program.key, headers=kid, aud=url)
    answer = httpx.post(url, data=form, headers=headers, trust_env=False, timeout=30)
    body: dict[str, Any] = answer.json()
    if answer.is_error:
        raise Refused(body["error"])
    return body


def subject(server: Keycloak, token: str, realm: str = REALM) -> str | None:
    """Whose an access token is; None: it is good for nothing."""
    headers = {"Authorization": f"Bearer {token}"}
    url = server.endpoint("userinfo", realm)
    answer = httpx.get(url, headers=headers, trust_env=False, timeout=30)
    return str(answer.json()["sub"]) if answer.is_success else None


@contextmanager
def _browser() -> Iterator[httpx.Client]:
    """With cookies as browsers have them: Keycloak's are Secure, which is no matter on loopback
    for these, and for Python's own jar is.
    """
    kept: dict[str, str] = {}

    def send(request: httpx.Request) -> None:
        request.headers["cookie"] = "; ".join(f"{name}={each}" for name, each in kept.items())

    def keep(answer: httpx.Response) -> None:
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            kept[name] = value

    with httpx.Client(trust_env=False, timeout=30) as http:
        http.event_hooks = {"request": [send], "response": [keep]}
        yield http


def _agreed(http: httpx.Client, endpoint: str, request: dict[str, str]) -> str:
    """The code, by the page to sign in at and the one that asks for consent, if there is one."""
    answer = http.get(endpoint, params=request)
    for _ in range(_PAGES):
        if answer.is_redirect:
            target = answer.headers["location"]
            if target.startswith(request["redirect_uri"]):
                return _code(target)
            answer = http.get(target)
            continue
        page = _Page(answer.text)
        if answer.is_error or not page.action:
            raise Refused(page.words or answer.text[:200])
        if "password" in page.fields:
            form = {"username": PERSON, "password": PASSWORD}
        else:
            form = {name: each for name, each in page.fields.items() if name != "cancel"}
        answer = http.post(str(answer.url.join(page.action)), data=form)
    raise Refused("too many pages")


def _code(target: str) -> str:
    found = {name: each[0] for name, each in parse_qs(urlsplit(target).query).items()}
    if "error" in found:
        raise Refused(found["error"])
    return found["code"]


class _Page(html.parser.HTMLParser):
    """The form of a page, and what it says went wrong."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action, self.words, self.fields = "", "", dict[str, str]()
        self._is_error = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._is_error = given.get("class", "") == "instruction" or "error" in given.get("id", "")
        if tag == "form":
            self.action = given.get("action", "")
        elif tag in {"input", "button"} and given.get("name"):
            self.fields[given["name"]] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._is_error and data.strip():
            self.words = f"{self.words} {data.strip()}".strip()
