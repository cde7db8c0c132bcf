"""What OpenAPI says of groups of operations, and of what callers prove themselves with."""

from __future__ import annotations

from typing import Any


def _group(name: str, title: str, description: str) -> dict[str, str]:
    return {"name": name, "description": description, "x-displayName": title}


# In the order in which they are shown.
GROUPS = [
    _group(
        "registration",
        "Registration",
        "A client registers itself, and gets a `registration_access_token` by which it reads,"
        " replaces and deletes its registration and rotates its secret.",
    ),
    _group(
        "token",
        "Tokens",
        "Access tokens for clients that act for themselves, and what a resource server asks of"
        " them.",
    ),
    _group(
        "discovery",
        "Discovery",
        "Where a client that knows only the issuer finds everything else. Anybody may read it.",
    ),
    _group(
        "authorization",
        "Authorization",
        "Where a browser goes until an authorization server is connected: it says so, and leads"
        " back.",
    ),
    _group(
        "authorization server",
        "For authorization servers",
        "What a connected authorization server asks: whether a client is who it says, and what it"
        " registered.",
    ),
    _group(
        "clients",
        "Administration: clients",
        "Administrators look at the clients of a tenant, make, change and end them.",
    ),
    _group(
        "keys",
        "Administration: signing keys",
        "The keys that sign access tokens, replaced by a schedule, or by administrators before.",
    ),
    _group(
        "events",
        "Administration: events",
        "The audit trail: who did what to what, and when. Nothing in it is ever changed.",
    ),
    _group(
        "asgardeo",
        "For programs written for Asgardeo",
        "Registration under the paths and names of Asgardeo's API, for administrators. What differs"
        " is in docs/asgardeo.md.",
    ),
    _group(
        "credentials",
        "Administration: tokens",
        "Initial access tokens, which let clients register, and tokens of administrators. They are"
        " shown when they are issued, and never again.",
    ),
    _group(
        "server",
        "Administration: server",
        "How the server is, and what is configured. Secrets are never shown.",
    ),
    _group("operations", "Operations", "For load balancers and monitoring. At the root only."),
]

SECURITY_SCHEMES: dict[str, Any] = {
    "initial_access_token": {
        "type": "http",
        "scheme": "bearer",
        "description": "Lets its bearer register, where registration is protected, or within the"
        " bounds it was issued with. Operators issue it: `dcrserver token issue initial`.",
    },
    "registration_access_token": {
        "type": "http",
        "scheme": "bearer",
        "description": "Belongs to one registration. It is in the answer to the registration, and"
        " in the answer to each update in place of the one before.",
    },
    "admin_token": {
        "type": "http",
        "scheme": "bearer",
        "description": "For servers and people that work with clients of others, within its"
        " scopes: `dcrserver token issue admin --scope clients:read`. An access token (JWT) of an"
        " OpenID provider will do as well, where one is configured (`admin.providers`).",
    },
    "client": {
        "type": "http",
        "scheme": "basic",
        "description": "The client itself, by the `token_endpoint_auth_method` that it registered:"
        " `client_id` and `client_secret` by HTTP Basic as in the examples, or in the form; by an"
        " assertion that it signs; by a TLS certificate; or by its `client_id` alone where it has"
        " nothing else.",
    },
}
