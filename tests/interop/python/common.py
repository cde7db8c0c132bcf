"""What the drivers share: a log of what happened, and RFC 7592 over requests."""

from __future__ import annotations

import json
from typing import Any

import requests

CALLBACK = "https://client.example.org/callback"
SECONDS = 20
_FORBIDDEN = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


class Story:
    """Facts about one client's life, printed as the last line."""

    def __init__(self, library: str, version: str, base_url: str) -> None:
        self.base_url = base_url
        self.facts: dict[str, Any] = {"library": library, "version": version, "habits": []}

    def tell(self, **facts: Any) -> None:
        self.facts.update(facts)

    def end(self) -> None:
        print(json.dumps(self.facts))

    def habits(self) -> None:
        """What clients in use send beside the book; each must be served."""
        for name, (sent, expected) in HABITS.items():
            answer = requests.post(f"{self.base_url}/register", json=sent, timeout=SECONDS)
            assert answer.status_code == 201, (name, answer.text)
            got = {member: answer.json().get(member) for member in expected}
            assert got == expected, (name, got)
            self.facts["habits"].append(name)


HABITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "signing algorithm beside basic": (
        {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_basic",
         "token_endpoint_auth_signing_alg": "RS256"},
        {"token_endpoint_auth_method": "client_secret_basic"},
    ),
    "empty lists": (
        {"redirect_uris": [CALLBACK], "contacts": [], "request_uris": [], "response_types": []},
        {"contacts": None, "request_uris": None, "response_types": ["code"]},
    ),
    "six response types": (
        {"redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "implicit"],
         "response_types": ["code", "id_token", "id_token token", "code id_token", "code token",
                            "code id_token token"]},
        {"response_types": ["code"], "grant_types": ["authorization_code"]},
    ),
    "localhost without application_type": (
        {"redirect_uris": ["http://localhost:33418/callback"],
         "token_endpoint_auth_method": "none"},
        {"application_type": "native", "redirect_uris": ["http://localhost:33418/callback"]},
    ),
    "cursor": (
        {"redirect_uris": ["cursor://anysphere.cursor-retrieval/oauth/callback"],
         "token_endpoint_auth_method": "none"},
        {"application_type": "native"},
    ),
}  # fmt: skip


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def update(client: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Sends back what was received, changed (RFC 7592 2.2); libraries leave this to their users."""
    body = {name: value for name, value in client.items() if name not in _FORBIDDEN} | changes
    answer = requests.put(
        client["registration_client_uri"],
        json=body,
        headers=bearer(client["registration_access_token"]),
        timeout=SECONDS,
    )
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def delete(client: dict[str, Any]) -> None:
    headers = bearer(client["registration_access_token"])
    where = client["registration_client_uri"]
    assert requests.delete(where, headers=headers, timeout=SECONDS).status_code == 204
    assert requests.get(where, headers=headers, timeout=SECONDS).status_code == 401
