"""Clients of open banking are known by a certificate (UK 3.3, Open Finance Brasil 8.1)."""

from __future__ import annotations

import uuid
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from flows.test_open_banking_statements import BODY, BRASIL, UK, UK_BODY
from harness.application import Application
from harness.clients import certificate
from harness.statements import SOFTWARE, statement, trusting

requirement = pytest.mark.requirement
_UID, _ORGANISATION = "0.9.2342.19200300.100.1.1", "2.5.4.97"
KEY = ec.generate_private_key(ec.SECP256R1())
TLS = {
    "header": "X-Cert",
    "verified_header": "X-Verify",
    "trusted_proxies": ["203.0.113.7"],
    "base_url": "https://mtls.example.org",
}


def _shown(changed: dict[str, str] | None = None, *, verified: bool = True) -> dict[str, str]:
    """The headers of a proxy about the certificate of the software, or of another."""
    names = {_UID: SOFTWARE, _ORGANISATION: "OFBBR-org-1"} | (changed or {})
    subject = ",".join(f"{oid}={value}" for oid, value in names.items() if value)
    der = certificate(KEY, subject).public_bytes(Encoding.DER)
    return {"X-Cert": f":{b64encode(der).decode()}:"} | (
        {"X-Verify": "SUCCESS"} if verified else {}
    )


async def _brasil(make_app: Any, folder: Path, **more: Any) -> Application:
    groups = trusting(folder, "required") | more
    groups["policy"] = {"preset": "open-finance-brasil"}  # a directory is named: statements must be
    return await make_app(**groups, mutual_tls=TLS)


async def _registered(app: Application, headers: dict[str, str], **body: Any) -> Any:
    sent = {"software_statement": statement("PS256", **BRASIL)} | BODY | body
    return await app.http.post("/register", json=sent, headers=headers)


@requirement("BROB-01", "BROB-09", "BROB-11")
async def test_nobody_registers_or_manages_without_the_certificate_of_its_statement(
    make_app: Any, tmp_path: Path
) -> None:
    app = await _brasil(make_app, tmp_path, registration={"validate_endpoint": True})
    for name, headers in (
        ("none", {}),
        ("whose chain nobody verified", _shown(verified=False)),
        ("of other software", _shown({_UID: "other"})),
        ("of another organisation", _shown({_ORGANISATION: "OFBBR-org-2"})),
        ("that names no organisation", _shown({_ORGANISATION: ""})),
    ):
        refused = await _registered(app, headers)
        assert refused.status_code == 401, (name, refused.text)
        assert "certificate" in refused.json()["error_description"], name
        sent = {"software_statement": statement("PS256", **BRASIL)} | BODY
        tried = await app.http.post("/register/validate", json=sent, headers=headers)
        assert (tried.status_code, tried.json()) == (401, refused.json()), name
    sent = {"software_statement": statement("PS256", **BRASIL)} | BODY
    tried = await app.http.post("/register/validate", json=sent, headers=_shown())
    assert tried.json()["policy"]["decision"] == "accept", tried.text
    made = await _registered(app, _shown())
    assert made.status_code == 201, made.text
    client = made.json()
    uri = client["registration_client_uri"]
    assert uri == f"https://mtls.example.org/register/{client['client_id']}"
    path = f"/register/{client['client_id']}"
    bearer = {"Authorization": f"Bearer {client['registration_access_token']}"}
    sent = {"software_statement": client["software_statement"], "client_id": client["client_id"]}
    for method, body in (("GET", None), ("PUT", BODY | sent), ("DELETE", None)):
        for headers in ({}, _shown({_UID: "other"}), _shown(verified=False)):
            answer = await app.http.request(method, path, json=body, headers=bearer | headers)
            assert answer.status_code == 401, (method, answer.text)
    for method, body, status in (
        ("GET", None, 200),
        ("PUT", BODY | sent, 200),
        ("DELETE", None, 204),
    ):
        answer = await app.http.request(method, path, json=body, headers=bearer | _shown())
        assert answer.status_code == status, answer.text


@requirement("BROB-06")
async def test_scopes_are_those_of_the_active_roles(make_app: Any, tmp_path: Path) -> None:
    app = await _brasil(make_app, tmp_path)
    roles = [
        {"role": "DADOS", "authorisation_domain": "Open Banking", "status": "Active"},
        {"role": "PAGTO", "authorisation_domain": "Open Banking", "status": "Inactive"},
    ]

    async def told(roles: Any, **body: Any) -> Any:
        software = str(uuid.uuid4())  # each registers once
        said = {"software_statement_roles": roles, "software_id": software}
        vouched = statement("PS256", **(BRASIL | said))
        return await _registered(app, _shown({_UID: software}), software_statement=vouched, **body)

    refused = await told(roles, scope="openid payments")
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_client_metadata"
    assert "payments" in refused.json()["error_description"]
    whole = (await told(roles)).json()["scope"].split()
    assert "accounts" in whole
    assert "payments" not in whole
    assert (await told(roles, scope="openid accounts")).json()["scope"] == "openid accounts"
    assert (await told(["PAGTO"], scope="openid payments")).json()["scope"] == "openid payments"
    assert (await told([], scope="openid payments")).status_code == 400


@requirement("BROB-10")
async def test_software_registers_once(make_app: Any, tmp_path: Path) -> None:
    """Until its client is deleted; what it changes of itself is no second one."""
    app = await _brasil(make_app, tmp_path)
    first = (await _registered(app, _shown())).json()
    again = await _registered(app, _shown())
    assert again.status_code == 400, again.text
    assert again.json()["error"] == "access_denied"
    other = _shown({_UID: "other"})
    sent = statement("PS256", **(BRASIL | {"software_id": "other"}))
    assert (await _registered(app, other, software_statement=sent)).status_code == 201
    path = f"/register/{first['client_id']}"
    bearer = {"Authorization": f"Bearer {first['registration_access_token']}"} | _shown()
    body = BODY | {"client_id": first["client_id"]}
    assert (await app.http.put(path, json=body, headers=bearer)).status_code == 200
    assert (await app.http.delete(path, headers=bearer)).status_code == 204
    assert (await _registered(app, _shown())).status_code == 201


@requirement("BROB-12", "R8705-5-01")
async def test_discovery_names_the_endpoints_with_mutual_tls(make_app: Any, tmp_path: Path) -> None:
    app = await _brasil(make_app, tmp_path)
    told = (await app.http.get("/.well-known/openid-configuration")).json()
    assert told["mtls_endpoint_aliases"] == {
        name: told[name].replace(told["issuer"].rstrip("/"), "https://mtls.example.org")
        for name in (
            "registration_endpoint", "token_endpoint", "introspection_endpoint",
            "revocation_endpoint",
        )
    }  # fmt: skip


@requirement("UKOB-01", "UKOB-05", "BROB-02")
async def test_presets_ask_for_what_is_configured(make_app: Any, tmp_path: Path) -> None:
    """Statements where a directory is named, certificates where the server is told of them; the
    operator can still say otherwise.
    """
    named = trusting(tmp_path)["software_statements"]
    preset = {"preset": "open-banking-uk"}
    trusts = {"policy": preset, "software_statements": named}
    sees = trusts | {"mutual_tls": TLS}
    otherwise = {"policy": preset | {"mtls": {"registration_certificate": False}}}
    for groups, has_statement, headers, status in (
        (trusts, False, {}, 400),
        (trusts, True, {}, 201),
        (sees, True, {}, 401),
        (sees, True, _shown(), 201),
        (sees | otherwise, True, {}, 201),
    ):
        app = await make_app(**groups)
        vouched = {"software_statement": statement("PS256", **UK)} if has_statement else {}
        answer = await app.http.post("/register", json=UK_BODY | vouched, headers=headers)
        assert answer.status_code == status, (groups, answer.text)
