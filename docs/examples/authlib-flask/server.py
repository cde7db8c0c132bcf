"""An authorization server whose clients register with dcrserver. See README.md for how to run it.

Codes and tokens are kept in memory, and whoever comes is let in as the login they type: the
parts that every authorization server brings itself.
"""

from __future__ import annotations

import hmac
import os
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import Flask, Response, jsonify, render_template_string, request
from registered_clients import Client, DcrServer

METHOD = "dcrserver"
PAGE = """<!doctype html><title>Sign in</title>
<p>{{ client.metadata.get("client_name") or client.get_client_id() }} asks for {{ scope }}.
<form method="post" action="{{ url }}"><label>Login <input name="login"></label>
<button>Allow</button></form>"""


def _setting(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        sys.exit("set DCRSERVER (its base URL) and DCRSERVER_TOKEN (an admin token)")
    return value


PORT = int(os.environ.get("PORT", "3000"))
ISSUER = f"http://127.0.0.1:{PORT}"
dcrserver = DcrServer(_setting("DCRSERVER"), _setting("DCRSERVER_TOKEN"))
codes: dict[str, Code] = {}
tokens: dict[str, dict[str, Any]] = {}
app = Flask(__name__)


@dataclass
class Code(AuthorizationCodeMixin):
    code: str
    client_id: str
    redirect_uri: str
    scope: str
    user: str
    resource: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    made_at: float = field(default_factory=time.monotonic)

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def is_expired(self) -> bool:
        return time.monotonic() > self.made_at + 60


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = [METHOD]

    def save_authorization_code(self, code: str, request: Any) -> None:
        data = request.payload.data
        codes[code] = Code(
            code,
            request.client.get_client_id(),
            request.payload.redirect_uri,
            request.payload.scope,
            request.user,
            data.get("resource"),
            data.get("code_challenge"),
            data.get("code_challenge_method"),
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        found = codes.get(code)
        good = found and found.client_id == client.get_client_id() and not found.is_expired()
        return found if good else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        codes.pop(authorization_code.code, None)

    def authenticate_user(self, authorization_code: Code) -> str:
        return authorization_code.user


def authenticated(_query_client: Any, _request: Any) -> Client:
    """Hands over what the client presented, and takes dcrserver's word for who it is."""
    return dcrserver.authenticate(
        {
            "issuer": ISSUER,
            "endpoint": f"{ISSUER}{request.path}",
            "authorization": request.headers.get("Authorization"),
            "parameters": request.form.to_dict(),
            "address": request.remote_addr,
        }
    )


def save_token(token: dict[str, Any], request: Any) -> None:
    """What a token is for (`resource`, RFC 8707) was decided when the person signed in."""
    code = request.authorization_code
    tokens[token["access_token"]] = {
        "client_id": request.client.get_client_id(),
        "sub": request.user,
        "scope": token.get("scope", ""),
        "iss": ISSUER,
        "aud": code.resource or ISSUER,
        "exp": int(time.time()) + token["expires_in"],
    }


server = AuthorizationServer(app, query_client=dcrserver.client, save_token=save_token)
server.register_client_auth_method(METHOD, authenticated)
server.register_grant(AuthorizationCodeGrant, [CodeChallenge(required=True)])


@app.get("/.well-known/oauth-authorization-server")
def metadata() -> Response:
    """Clients find the registration endpoint here (RFC 8414)."""
    return jsonify(
        issuer=ISSUER,
        authorization_endpoint=f"{ISSUER}/authorize",
        token_endpoint=f"{ISSUER}/token",
        introspection_endpoint=f"{ISSUER}/introspect",
        registration_endpoint=f"{os.environ['DCRSERVER'].rstrip('/')}/register",
        response_types_supported=["code"],
        code_challenge_methods_supported=["S256"],
        token_endpoint_auth_methods_supported=[
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
            "none",
        ],
    )


@app.route("/authorize", methods=["GET", "POST"])
def authorize() -> Any:
    try:
        grant = server.get_consent_grant(end_user=None)
    except OAuth2Error as error:
        return server.handle_error_response(None, error)
    if request.method == "POST":
        return server.create_authorization_response(grant_user=request.form["login"], grant=grant)
    return render_template_string(
        PAGE, client=grant.client, scope=grant.request.payload.scope, url=request.full_path
    )


@app.post("/token")
def token() -> Any:
    return server.create_token_response()


@app.post("/introspect")
def introspect() -> Any:
    """Tells resource servers, who show the token that was agreed with them (RFC 7662)."""
    agreed = os.environ.get("INTROSPECTION_TOKEN", "")
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not agreed or not hmac.compare_digest(agreed.encode(), shown.encode()):
        return Response(status=401, headers={"WWW-Authenticate": "Bearer"})
    claims = tokens.get(request.form.get("token", ""))
    if claims is None or claims["exp"] < time.time():
        return jsonify(active=False)
    return jsonify(active=True, **claims)


if __name__ == "__main__":
    # Plain HTTP is for trying out on one machine only.
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    app.run("127.0.0.1", PORT)
