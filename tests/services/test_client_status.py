"""Who may be let in is asked in few places, and each is known: one that is new is thought about."""

from __future__ import annotations

import ast
from pathlib import Path

from dcrserver.client_filters import FILTERS
from dcrserver.names import UNAPPROVED, ClientStatus
from dcrserver.repositories.clients import ClientRecord
from dcrserver.schemas.admin.clients import ClientSummary

_SOURCE = Path(__file__).parents[2] / "src" / "dcrserver"
# Whoever asks whether a client is active asks about those that wait as well, which are suspended,
# and about those whose time is over.
_ASK = {
    "services/authentication/authenticator.py": "a client proves who it is",
    "services/clients/directory.py": "an authorization server looks it up",
    "services/tokens/authorization.py": "a person is sent to it",
    "services/tokens/status.py": "its tokens are looked at",
    "services/documents/publishing.py": "its document is told",
    "services/provisioning/wanted.py": "an authorization server is told of it",
    "services/access/registration_access_tokens.py": "it manages itself: those that wait read",
}
_TELL = {
    "services/registration/sharing.py": "others are told why there is none for them",
    "repositories/clients.py": "which status it is",
    "repositories/queries/clients/filters.py": "lists of one status",
    "repositories/queries/clients/statistics.py": "how many have it",
    "services/clients/views.py": "administrators see since when",
    "services/clients/lifecycle.py": "it is suspended, and resumed",
    "services/jobs/actions.py": "many are",
}
_END = {
    "repositories/clients.py": "which status it is",
    "services/clients/lifecycle.py": "it is restored, and has none from then on",
    "services/clients/imports.py": "it is told of one that comes too late",
}


def test_every_place_that_asks_for_the_status_is_known() -> None:
    assert _users_of("is_usable") == _ASK.keys()
    assert _users_of("suspended_at") == _TELL.keys()
    assert _users_of("has_ended") == _END.keys()


def _users_of(attribute: str) -> set[str]:
    return {
        path.relative_to(_SOURCE).as_posix()
        for path in _SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == attribute
    }


def test_every_status_is_told_and_one_alone_is_active() -> None:
    made = ClientRecord("default", "c", "{}", "", 1, 1, 1)
    assert made.status == ClientStatus.ACTIVE
    assert made._replace(suspended_at=1).status == ClientStatus.SUSPENDED
    for status in UNAPPROVED:
        assert made._replace(suspended_at=1, approval=status.word).status == status
    for moment, status in ((0, "active"), (1, "expired"), (2**40, "active")):
        assert made._replace(expires_at=moment).status == status
        assert made._replace(expires_at=moment).is_usable is (status == "active")
        assert made._replace(expires_at=moment, suspended_at=1).status == "suspended"
        assert made._replace(expires_at=moment, suspended_at=1, approval="pending").status == (
            "pending"
        )
    assert {*ClientStatus} == {ClientStatus.ACTIVE, ClientStatus.SUSPENDED} | UNAPPROVED
    assert FILTERS["status"].values == tuple(ClientStatus)
    assert ClientSummary.model_fields["status"].annotation is ClientStatus
