"""What tests of statements share: a policy of them, and what it makes of a submission."""

from __future__ import annotations

from typing import Any

from dcrserver.metadata import Policy, Terms, validate
from dcrserver.metadata.statements import Ruling, ruling
from dcrserver.policies.statements.conditions import Circumstances
from dcrserver.settings.stored import policy as checked
from dcrserver.strict_json import JsonObject
from metadata.support import CALLBACK, terms

REJECT = {"reject": {"error": "invalid_client_metadata", "description": "no"}}
SENT: JsonObject = {"redirect_uris": [CALLBACK]}


def statement(then: Any = None, name: str = "one", **when: Any) -> JsonObject:
    """``when`` with __ for the dot before host."""
    keys = {key.replace("__", "."): value for key, value in when.items()}
    return {"name": name, "when": keys, "then": then or REJECT}


def policy_of(*statements: Any, **groups: Any) -> Policy:
    """As an operator writes it, with all that is checked then."""
    return checked({"statements": [*statements], **groups}, {})


def judged_by(*statements: Any, **groups: Any) -> Terms:
    """Terms of a server that can do everything, and of a client that asks itself."""
    return terms(statements=[*statements], administrator=False, **groups)


def ruled(
    judged: Terms, sent: JsonObject | None = None, here: Circumstances | None = None, **more: Any
) -> Ruling:
    """What becomes of ``sent``, which is a good registration."""
    submission = (sent if sent is not None else SENT) | more
    metadata = validate(submission, judged)
    return ruling(submission, metadata, judged, here or Circumstances())


def verdict(judged: Terms, **more: Any) -> str:
    """Of a registration of a web client."""
    return ruled(judged, **more).verdict


def members(made: Ruling) -> JsonObject:
    """What is stored, of what was not refused."""
    assert made.metadata is not None, made.error
    return dict(made.metadata.members)
