"""A real OpenID provider, node-oidc-provider, whose access tokens name administrators."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from harness import npm
from harness.clients import new_key
from harness.examples import EXAMPLES, running
from harness.process import lasting_port

AUDIENCE = "https://dcr.example.com"
_PROGRAM = Path(__file__).parents[1] / "interop" / "node" / "admin_provider.mjs"
_PACKAGE = EXAMPLES / "node-oidc-provider"
_SECRET = "secret-of-a-test"


def private_jwks(kid: str) -> dict[str, Any]:
    """A key for each kind of algorithm; the names of both begin with ``kid``."""
    rsa: Any = json.loads(RSAAlgorithm.to_jwk(new_key("RS256")))  # type: ignore[arg-type]
    ec: Any = json.loads(ECAlgorithm.to_jwk(new_key("ES256")))  # type: ignore[arg-type]
    made = [("rsa", rsa), ("ec", ec)]
    keys = []
    for kind, key in made:
        key.pop("key_ops", None)
        keys.append(key | {"kid": f"{kid}-{kind}", "use": "sig"})
    return {"keys": keys}


@dataclass
class NodeProvider:
    """Runs while ``serving``; its keys may be others each time.

    ``clients``: by name, what their tokens are like: ``claims``, ``alg``, ``audience``,
    ``seconds``. ``issuer``: what it calls itself, by default where it is.
    """

    folder: Path
    clients: Mapping[str, Mapping[str, Any]]
    issuer: str = ""
    port: int = field(default_factory=lasting_port)

    def __post_init__(self) -> None:
        self.url = f"http://127.0.0.1:{self.port}"
        self.issuer = self.issuer or self.url

    @contextmanager
    def serving(self, jwks: dict[str, Any]) -> Iterator[None]:
        npm.install(_PACKAGE)
        keys = self.folder / f"jwks-{self.port}.json"
        keys.write_text(json.dumps(jwks), "utf-8")
        variables = {
            "OIDC_PROVIDER": str(_PACKAGE / "node_modules" / "oidc-provider" / "lib" / "index.js"),
            "ISSUER": self.issuer,
            "PORT": str(self.port),
            "AUDIENCE": AUDIENCE,
            "JWKS": str(keys),
            "CLIENTS": json.dumps(self.clients),
        }
        log = self.folder / f"provider-{self.port}.log"
        with running([npm.node(), str(_PROGRAM)], self.folder, log, self.url, **variables):
            yield

    def token(self, client: str, scope: str = "clients:read") -> str:
        """An access token, by the client credentials grant."""
        answer = httpx.post(
            f"{self.url}/token",
            data={"grant_type": "client_credentials", "scope": scope},
            auth=(client, _SECRET),
            trust_env=False,
        )
        made: str = answer.raise_for_status().json()["access_token"]
        return made
