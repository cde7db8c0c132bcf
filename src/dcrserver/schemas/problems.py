"""Problem details, as the administrators' API refuses (RFC 9457)."""

from __future__ import annotations

from dcrserver.strict_json import JsonObject

_TEXT: JsonObject = {"type": "string"}

SHAPES: JsonObject = {
    "Problem": {
        "type": "object",
        "description": "Why a request was refused (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": _TEXT | {"description": "about:blank: `status` and `code` tell the kind"},
            "title": _TEXT | {"description": "the status in words"},
            "status": {"type": "integer", "description": "that of the answer"},
            "detail": _TEXT | {"description": "what is wrong, for people"},
            "code": _TEXT | {"description": "what is wrong, for programs"},
            "errors": {
                "type": "array",
                "description": "single mistakes, each with its place",
                "items": {
                    "type": "object",
                    "required": ["detail"],
                    "properties": {
                        "pointer": _TEXT
                        | {"description": "the member of the body (RFC 6901, as a fragment)"},
                        "parameter": _TEXT | {"description": "the parameter of the request"},
                        "detail": _TEXT,
                    },
                },
            },
        },
        "example": {
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": "there is no such parameter: colour",
            "code": "invalid_request",
            "errors": [{"parameter": "colour", "detail": "there is no such parameter: colour"}],
        },
    }
}
