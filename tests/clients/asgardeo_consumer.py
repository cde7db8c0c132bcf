"""A program of somebody who uses Asgardeo's dynamic client registration, and knows nothing of us.

Written from what its documentation says of requests and answers; only the standard library. It is
told where the organization is (BASE_URL, as https://api.asgardeo.io/t/NAME), and either a token
(ACCESS_TOKEN), or where to get one (TOKEN_ENDPOINT, CLIENT_ID, CLIENT_SECRET). It prints each step,
and ends with 1 where an answer is not what the documentation says.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import uuid
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener  # noqa: TID251 - it is none of ours

BASE_URL = os.environ["BASE_URL"].rstrip("/")
REGISTER = f"{BASE_URL}/api/identity/oauth2/dcr/v1.1/register"
CONFIGURATION = f"{BASE_URL}/api/server/v1/configs/dcr"
SCOPES = "internal_dcr_create internal_dcr_view internal_dcr_update internal_dcr_delete"
_open = build_opener(ProxyHandler({})).open


def send(method: str, url: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    """Status and parsed body, null where there is none."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(url, body, named, method=method)  # noqa: S310 - of the environment
    try:
        with _open(request, timeout=30) as answer:
            status, text = answer.status, answer.read()
    except HTTPError as error:
        status, text = error.code, error.read()
    return status, json.loads(text) if text else None


def access_token() -> str:
    """That of the environment, or one by the client credentials of a machine-to-machine app."""
    if given := os.environ.get("ACCESS_TOKEN"):
        return given
    pair = f"{os.environ['CLIENT_ID']}:{os.environ['CLIENT_SECRET']}"
    form = urlencode({"grant_type": "client_credentials", "scope": SCOPES}).encode()
    status, told = send(
        "POST", os.environ["TOKEN_ENDPOINT"], form,
        Authorization=f"Basic {base64.b64encode(pair.encode()).decode()}",
        Content_Type="application/x-www-form-urlencoded",
    )  # fmt: skip
    expect("token", status, 200, told)
    return str(told["access_token"])


def expect(step: str, status: int, wanted: int, told: Any) -> None:
    print(f"{step}: {status}")
    if status != wanted:
        sys.exit(f"{step}: {status} in place of {wanted}: {told}")


def check(what: str, *, holds: bool) -> None:
    if not holds:
        sys.exit(f"not so: {what}")


def main() -> None:
    bearer = {"Authorization": f"Bearer {access_token()}", "Content_Type": "application/json"}

    def call(step: str, method: str, url: str, wanted: int, body: Any = None) -> Any:
        octets = None if body is None else json.dumps(body).encode()
        status, told = send(method, url, octets, **bearer)
        expect(step, status, wanted, told)
        return told

    name = f"consumer-{uuid.uuid4()}"
    wanted = {
        "client_name": name,
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["https://app.example.org/login", "https://app.example.org/other"],
        "backchannel_logout_uri": "https://app.example.org/logout",
        "ext_application_display_name": "Consumer",
        "ext_user_token_lifetime": 1800,
        "ext_pkce_mandatory": True,
        "ext_token_type": "JWT",
    }
    made = call("create", "POST", REGISTER, 201, wanted)
    check("an application has client_id and client_secret", holds=bool(
        made["client_id"] and made["client_secret"]
    ))  # fmt: skip
    uri = f"{REGISTER}/{made['client_id']}"
    told = call("create again", "POST", REGISTER, 409, wanted)
    check("an error says what is wrong", holds=bool(told["error"] and told["error_description"]))

    found = call("find", "GET", f"{REGISTER}?client_name={quote(name)}", 200)
    check("the one that was created is found", holds=found["client_id"] == made["client_id"])
    read = call("read", "GET", uri, 200)
    check("what was sent is told", holds=all(
        read[each] == wanted[each]
        for each in ("client_name", "redirect_uris", "ext_user_token_lifetime", "ext_token_type")
    ))  # fmt: skip

    changed = call("update", "PUT", uri, 200, read | {"client_name": f"{name}-2"})
    check("the name is another", holds=changed["client_name"] == f"{name}-2")
    check("PKCE is still mandatory", holds=changed["ext_pkce_mandatory"] is True)
    call("the old name", "GET", f"{REGISTER}?client_name={quote(name)}", 404)
    call("delete", "DELETE", uri, 204)
    call("read what is gone", "GET", uri, 404)

    before = call("configuration", "GET", CONFIGURATION, 200)
    check("credentials are demanded", holds=before["authenticationRequired"] is True)
    for value in ("true", "false"):
        operation = {"operation": "REPLACE", "path": "/enableFapiEnforcement", "value": value}
        call(f"FAPI {value}", "PATCH", CONFIGURATION, 200, [operation])
        now = call("configuration", "GET", CONFIGURATION, 200)
        check("it is what was set", holds=now["enableFapiEnforcement"] is (value == "true"))
    operation = {"operation": "REPLACE", "path": "/authenticationRequired", "value": "false"}
    call("no credentials, no statements", "PATCH", CONFIGURATION, 400, [operation])


if __name__ == "__main__":
    main()
