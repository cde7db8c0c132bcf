"""Statements of directories under the presets of open banking: what each must be, and means."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from harness.application import Application
from harness.statements import statement, trusting

requirement = pytest.mark.requirement
REDIRECT = "https://tpp.example.org/cb"
# As directories write them: a version as a number, and much that is no member here.
BRASIL: dict[str, Any] = {
    "software_mode": "Live",
    "software_redirect_uris": [REDIRECT, "https://tpp.example.org/other"],
    "software_client_name": "Raidiam Accounting",
    "software_client_uri": "https://tpp.example.org/",
    "software_logo_uri": "https://tpp.example.org/logo.png",
    "software_policy_uri": "https://tpp.example.org/policy.html",
    "software_tos_uri": "https://tpp.example.org/tos.html",
    "software_version": 1.1,
    "software_jwks_uri": "https://keystore.example.org/sw/application.jwks",
    "software_roles": ["DADOS", "PAGTO"],
    "org_id": "org-1",
    "org_status": "Active",
    "client_name": ...,
}
UK: dict[str, Any] = {
    "software_client_id": "sw-1",
    "software_client_name": "Example TPP",
    "software_redirect_uris": [REDIRECT],
    "software_roles": ["AISP", "PISP"],
    "software_jwks_endpoint": "https://keystore.example.org/org/sw.jwks",
    "org_id": "org-1",
    "org_status": "Active",
    "organisation_competent_authority_claims": {"authority_id": "FCAGBR"},
    "client_name": ...,
}
UK_BODY: dict[str, Any] = {
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "PS256",
    "grant_types": ["authorization_code", "client_credentials"],
    "response_types": ["code id_token"],
    "application_type": "web",
    "scope": "openid accounts",
    "id_token_signed_response_alg": "PS256",
    "request_object_signing_alg": "PS256",
}
BODY = {"token_endpoint_auth_method": "private_key_jwt", "response_types": ["code id_token"]}


def _under(preset: str, folder: Path) -> dict[str, Any]:
    groups = trusting(folder, "required")
    groups["policy"]["preset"] = preset
    return groups


async def _told(app: Application, **members: Any) -> tuple[int, dict[str, Any]]:
    answer = await app.http.post("/register", json=members)
    return answer.status_code, answer.json()


@requirement("BROB-02", "BROB-03", "BROB-04", "BROB-05", "BROB-07")
async def test_open_finance_brasil(make_app: Any, tmp_path: Path) -> None:
    app = await make_app(**_under("open-finance-brasil", tmp_path))

    async def told(body: Any, algorithm: str = "PS256", **claims: Any) -> tuple[int, Any]:
        sent = statement(algorithm, **(BRASIL | claims))
        return await _told(app, **BODY, software_statement=sent, **body)

    status, client = await told({"redirect_uris": [REDIRECT], "client_name": "Evil"})
    assert status == 201, client
    assert client["redirect_uris"] == [REDIRECT]
    assert client["client_name"] == "Raidiam Accounting"
    assert client["software_version"] == "1.1"
    assert client["jwks_uri"] == BRASIL["software_jwks_uri"]
    whole = await told({}, software_id="whole")  # each software registers once
    assert whole[1]["redirect_uris"] == BRASIL["software_redirect_uris"]
    old = int(time.time()) - 400
    for name, body, algorithm, claims, code in (
        ("none", {"software_statement": None}, "PS256", {}, "invalid_software_statement"),
        ("another algorithm", {}, "RS256", {}, "invalid_software_statement"),
        ("six minutes old", {}, "PS256", {"iat": old}, "invalid_software_statement"),
        ("without iat", {}, "PS256", {"iat": ...}, "invalid_software_statement"),
        ("foreign", {"redirect_uris": ["https://a.example/"]}, "PS256", {}, "invalid_redirect_uri"),
        ("other keys", {"jwks_uri": "https://a.example/"}, "PS256", {}, "invalid_client_metadata"),
        ("keys by value", {"jwks": {"keys": []}}, "PS256", {}, "invalid_client_metadata"),
    ):  # fmt: skip
        sent = {"software_statement": statement(algorithm, **(BRASIL | claims))} | BODY | body
        status, answer = await _told(app, **sent)
        assert (status, answer.get("error")) == (400, code), (name, answer)


@requirement("UKOB-04", "UKOB-07", "UKOB-14")
async def test_uk_open_banking(make_app: Any, tmp_path: Path) -> None:
    app = await make_app(**_under("open-banking-uk", tmp_path))
    good = await _told(app, **UK_BODY, software_statement=statement("PS256", **UK))
    assert good[0] == 201, good
    assert good[1]["jwks_uri"] == UK["software_jwks_endpoint"]
    assert good[1]["redirect_uris"] == [REDIRECT]
    essential = {*UK, "software_id", "iat", "jti"} - {"client_name"}
    for name in sorted(essential):
        sent = statement("PS256", **(UK | {name: ...}))
        status, told = await _told(app, **UK_BODY, software_statement=sent)
        assert (status, told["error"]) == (400, "invalid_software_statement"), name
        assert name in told["error_description"]
    for body, code in (
        ({"redirect_uris": ["https://a.example/"]}, "invalid_redirect_uri"),
        ({"software_id": "other"}, "invalid_client_metadata"),
    ):
        sent = statement("PS256", **UK)
        status, told = await _told(app, **UK_BODY, **body, software_statement=sent)
        assert (status, told["error"]) == (400, code), told
