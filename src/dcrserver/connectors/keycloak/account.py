"""Our service account at Keycloak, and the access token that it has at the moment."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt import PyJWK, encode
from jwt.exceptions import PyJWTError

from dcrserver.connectors.failures import TargetAway, TargetMisconfigured
from dcrserver.connectors.http import Answer, TargetHttp
from dcrserver.settings import ConnectorSettings

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 60
# A call may take as long as its timeout, and clocks differ.
_RENEWED_BEFORE_SECONDS = 30
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


class _Token(NamedTuple):
    value: str
    renew_at: float


class _Key(NamedTuple):
    key: Any
    algorithm: str
    kid: str | None


class Account:
    """Signs in with its secret, or by a JWT of its key; both are read anew each time from their
    files, so that one may be changed while we run.
    """

    def __init__(self, name: str, settings: ConnectorSettings, http: TargetHttp) -> None:
        self._name = name
        self._settings = settings
        self._http = http
        self._url = str(settings.url).rstrip("/")
        self._tokens: dict[str, _Token] = {}
        self._signing_in = asyncio.Lock()

    async def token(self, realm: str, refused: str | None = None) -> str:
        """An access token for ``realm``, renewed before it ends, or where it was ``refused``.

        Raises:
            TargetMisconfigured: the account is not let in, or there is no such realm.
            TargetAway: no answer.
        """
        if found := self._good(realm, refused):
            return found
        async with self._signing_in:  # many wait for one
            if found := self._good(realm, refused):
                return found
            made = self._tokens[realm] = await self._sign_in(realm)
        return made.value

    def _good(self, realm: str, refused: str | None) -> str | None:
        token = self._tokens.get(realm)
        is_good = token and token.value != refused and time.monotonic() < token.renew_at
        return token.value if token and is_good else None

    async def _sign_in(self, realm: str) -> _Token:
        base = f"{self._url}/realms/{quote(realm, safe='')}"
        form = {"grant_type": "client_credentials", **self._credentials(base)}
        started = time.monotonic()
        answer = await self._http.call("POST", f"{base}/protocol/openid-connect/token", form=form)
        self._check(realm, answer)
        body = answer.body if isinstance(answer.body, dict) else {}
        token, seconds = body.get("access_token"), body.get("expires_in")
        if not isinstance(token, str) or not isinstance(seconds, int):
            raise TargetAway(f"{self._name}: no token in the answer of the token endpoint")
        # Of a token that lives for less than a minute, half.
        return _Token(token, started + max(seconds - _RENEWED_BEFORE_SECONDS, seconds / 2))

    def _check(self, realm: str, answer: Answer) -> None:
        if answer.is_success:
            return
        if answer.status == HTTPStatus.NOT_FOUND:
            raise TargetMisconfigured(f"{self._name}: there is no realm {realm}")
        body = answer.body if isinstance(answer.body, dict) else {}
        error = body.get("error")
        said = error if isinstance(error, str) and error.isidentifier() else answer.status
        raise TargetMisconfigured(
            f"{self._name}: {self._settings.client_id} is not let in to realm {realm}: {said}"
        )

    def _credentials(self, issuer: str) -> dict[str, str]:
        client_id = str(self._settings.client_id)
        if self._settings.private_key_file is None:
            return {"client_id": client_id, "client_secret": self._secret()}
        key = _read_key(self._name, self._settings.private_key_file)
        now = int(time.time())
        claims = {
            "iss": client_id, "sub": client_id, "aud": issuer, "iat": now,
            "exp": now + _ASSERTION_SECONDS, "jti": secrets.token_urlsafe(16),
        }  # fmt: skip
        headers = {"kid": key.kid} if key.kid else None
        assertion = encode(claims, key.key, algorithm=key.algorithm, headers=headers)
        return {
            "client_id": client_id,
            "client_assertion_type": _ASSERTION,
            "client_assertion": assertion,
        }

    def _secret(self) -> str:
        if file := self._settings.client_secret_file:
            return _text(self._name, file).strip()
        secret = self._settings.client_secret
        return secret.get_secret_value() if secret else ""


def _text(name: str, file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TargetMisconfigured(f"{name}: {file}: {type(error).__name__}") from None


def _read_key(name: str, file: Path) -> _Key:
    """A private key in PEM, or a JWK, whose kid and alg then count."""
    text = _text(name, file)
    try:
        if text.lstrip().startswith("{"):
            jwk = json.loads(text)
            read = PyJWK(jwk)
            return _Key(read.key, read.algorithm_name, jwk.get("kid"))
        key = load_pem_private_key(text.encode(), None)
        return _Key(key, _algorithm(key), None)
    except (ValueError, TypeError, PyJWTError):
        raise TargetMisconfigured(f"{name}: {file}: no private key that can sign") from None


def _algorithm(key: object) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EdDSA"
    raise ValueError("no key of a kind that Keycloak verifies")
