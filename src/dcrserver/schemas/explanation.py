"""The shape of an explanation: what a registration would come to."""

from __future__ import annotations

from dcrserver.schemas.examples import REQUEST_EXAMPLE
from dcrserver.schemas.parts import METADATA, object_of
from dcrserver.strict_json import JsonObject

_ISSUE = object_of(
    {
        "member": "The member, with its language tag if it has one",
        "reason": "What is wrong with it",
        "requirement": "Id of the rule",
        "specification": "Where the rule stands",
        "severity": "error or warning",
        "error": "The code of an error",
    },
    required=("member", "reason", "requirement", "specification", "severity"),
)
_CHANGE: JsonObject = {
    "type": "object",
    "required": ["member", "sent", "reason"],
    "properties": {
        "member": {"type": "string"},
        "sent": {},
        "registered": {"description": "absent where the member would be left out"},
        "reason": {"type": "string"},
    },
}
_IGNORED = object_of({"member": "Its name", "reason": "Why"}, required=("member", "reason"))
_POLICY: JsonObject = {
    "type": "object",
    "description": "What the statements of the policy decide",
    "required": ["decision", "statements"],
    "properties": {
        "decision": {"type": "string", "enum": ["accept", "reject", "hold"]},
        "statements": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The names of those that decide",
        },
    },
}
_EXPLANATION: JsonObject = {
    "type": "object",
    "description": "What registering would do; nothing was registered or read elsewhere",
    "required": ["acceptable", "error", "issues", "registration", "defaults", "changes",
                 "ignored", "not_checked", "policy", "shared"],
    "properties": {
        "acceptable": {"type": "boolean"},
        "error": {"type": ["string", "null"]},
        "issues": {"type": "array", "items": _ISSUE},
        "registration": {"type": ["object", "null"], "properties": METADATA},
        "defaults": {"type": "object", "properties": METADATA},
        "changes": {"type": "array", "items": _CHANGE},
        "ignored": {"type": "array", "items": _IGNORED},
        "not_checked": {"type": "array", "items": {"type": "string"}},
        "policy": _POLICY,
        "targets": {
            "type": "array",
            "description": "Authorization servers that would be told of it, if there are any",
            "items": {
                "type": "object",
                "required": ["connector", "dropped"],
                "properties": {
                    "connector": {"type": "string", "description": "[connectors.NAME]"},
                    "dropped": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "Members that it does not carry",
                    },
                },
            },
        },
        "shared": {
            "type": "boolean",
            "description": "whether all who register the same are told one client_id, and no"
            " registration access token (policy.registration.reuse_public_clients)",
        },
    },
    "example": {
        "acceptable": True,
        "error": None,
        "issues": [],
        "registration": REQUEST_EXAMPLE | {"response_types": ["code"]},
        "defaults": {"response_types": ["code"]},
        "changes": [],
        "ignored": [],
        "not_checked": [],
        "policy": {"decision": "accept", "statements": []},
        "shared": False,
    },
}  # fmt: skip
SHAPES: JsonObject = {"Explanation": _EXPLANATION}
