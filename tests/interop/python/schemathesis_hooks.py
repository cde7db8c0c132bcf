"""What schemathesis cannot know of a request: which client it is about."""

from __future__ import annotations

import os
from typing import Any

import schemathesis

_CALLER = os.environ["CALLER"]


@schemathesis.hook
def before_call(_: Any, case: Any, __: Any) -> None:
    """A text for ``client_id`` in the body is that of the path, or else of who authenticates."""
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("client_id"), str):
        named = (case.path_parameters or {}).get("client_id", _CALLER)
        case.body = body | {"client_id": named}
