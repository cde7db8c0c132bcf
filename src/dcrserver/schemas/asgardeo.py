"""The shapes of a client and of a refusal, where programs written for Asgardeo ask."""

from __future__ import annotations

from dcrserver.schemas.examples import EXAMPLE_ID, REQUEST_EXAMPLE
from dcrserver.schemas.parts import METADATA, server_members
from dcrserver.strict_json import JsonObject

_TEXT: JsonObject = {"type": "string"}
_FLAG: JsonObject = {"type": "boolean"}
_NUMBER: JsonObject = {"type": "integer"}
_SECONDS = _NUMBER | {"minimum": 0, "description": "seconds; 0: as is configured for all"}
_EXAMPLE: JsonObject = REQUEST_EXAMPLE | {"client_name": "Example application"}

# Told and sent alike.
_BOTH: JsonObject = {
    "is_management_app": _FLAG,
    "ext_application_display_name": _TEXT,
    "ext_application_owner": _TEXT,
    "ext_application_version": _TEXT,
    "ext_application_token_lifetime": _SECONDS,
    "ext_user_token_lifetime": _SECONDS,
    "ext_refresh_token_lifetime": _SECONDS,
    "ext_id_token_lifetime": _SECONDS,
    "ext_pkce_mandatory": _FLAG,
    "ext_pkce_support_plain": _FLAG,
    "ext_public_client": _FLAG,
    "ext_token_type": {"type": "string", "enum": ["JWT", "Default"]},
    "ext_allowed_audience": {"type": "string", "enum": ["organization", "application"]},
    "token_endpoint_allow_reuse_pvt_key_jwt": _FLAG
    | {"description": "read and never granted: an assertion is good once"},
}
_SENT: JsonObject = {
    "ext_param_client_id": _TEXT,
    "ext_param_client_secret": _TEXT,
    "ext_param_client_secret_expires_at": _NUMBER,
    "ext_param_sp_template": _TEXT | {"description": "name or client_id of the template"},
    "token_type_extension": _TEXT | {"description": "older name of ext_token_type"},
    "url": _TEXT | {"description": "older name of client_uri"},
}
_CONFIGURATION: JsonObject = {
    "authenticationRequired": _FLAG | {"description": "nobody but administrators registers"},
    "mandateSSA": _FLAG | {"description": "a software statement is compulsory"},
    "ssaJwks": _TEXT | {"description": "where the keys of software statements are"},
    "enableFapiEnforcement": _FLAG | {"description": "new clients are judged by fapiProfile"},
    "fapiProfile": {"type": "string", "enum": ["FAPI1_ADVANCED", "FAPI2_SECURITY"]},
}

SHAPES: JsonObject = {
    "AsgardeoRegistration": {
        "type": "object",
        "description": "Client metadata with Asgardeo's names beside those of RFC 7591.",
        "required": ["client_name"],
        "properties": METADATA | _BOTH | _SENT,
        "example": _EXAMPLE,
    },
    "AsgardeoClient": {
        "type": "object",
        "description": "A registration, with all that was registered; its secret when it is new.",
        "required": ["client_id", "client_id_issued_at", "registration_client_uri"],
        "properties": server_members(
            "client_id", "client_secret", "client_secret_expires_at", "client_id_issued_at",
            "registration_access_token", "registration_client_uri",
        ) | METADATA | _BOTH,
        "example": {"client_id": EXAMPLE_ID, "client_id_issued_at": 1795392000,
                    "registration_client_uri": f"https://server.example.com/register/{EXAMPLE_ID}",
                    **_EXAMPLE, "ext_public_client": False},
    },
    "AsgardeoConfiguration": {
        "type": "object",
        "required": ["authenticationRequired", "mandateSSA", "enableFapiEnforcement"],
        "properties": _CONFIGURATION,
        "example": {"authenticationRequired": True, "mandateSSA": False,
                    "enableFapiEnforcement": True, "fapiProfile": "FAPI2_SECURITY"},
    },
    "AsgardeoPatch": {
        "type": "array",
        "description": "Theirs (`operation` REPLACE, values as texts), or a JSON Patch (RFC 6902).",
        "items": {
            "type": "object",
            "required": ["path"],
            "properties": {
                "operation": {"type": "string", "enum": ["REPLACE"]},
                "op": {"type": "string", "enum": ["add", "replace", "remove", "test"]},
                "path": {"type": "string", "enum": [f"/{name}" for name in _CONFIGURATION]},
                "value": {"type": ["string", "boolean", "null"]},
            },
        },
        "example": [{"operation": "REPLACE", "path": "/fapiProfile", "value": "FAPI2_SECURITY"}],
    },
    "AsgardeoConfigurationError": {
        "type": "object",
        "required": ["code", "message", "description", "traceId"],
        "properties": {
            "code": _TEXT | {"description": "what is wrong, for programs"},
            "message": _TEXT | {"description": "what is wrong, in short"},
            "description": _TEXT | {"description": "what is wrong, for people"},
            "traceId": _TEXT | {"description": "the id of the request, as in the log"},
        },
        "example": {"code": "CNF-65021", "message": "the request was refused",
                    "description": "mandateSSA needs ssaJwks", "traceId": "6f6b1e2c4d7a4f0b"},
    },
    "AsgardeoError": {
        "type": "object",
        "required": ["error", "error_description", "traceId"],
        "properties": {
            "error": _TEXT | {"description": "what is wrong, for programs"},
            "error_description": _TEXT | {"description": "what is wrong, for people"},
            "traceId": _TEXT | {"description": "the id of the request, as in the log"},
        },
        "example": {"error": "invalid_client_metadata",
                    "error_description": "another client has this client_name",
                    "traceId": "6f6b1e2c4d7a4f0b9a53"},
    },
}  # fmt: skip
