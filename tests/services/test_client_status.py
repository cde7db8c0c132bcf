"""Who may be let in is asked in few places, and each is known: one that is new is thought about."""

from __future__ import annotations

import ast
from pathlib import Path

from dcrserver.client_filters import FILTERS
from dcrserver.names import UNAPPROVED, ClientStatus
from dcrserver.repositories.clients import ClientRecord
from dcrserver.schemas.admin.clients import ClientSummary

_SOURCE = Path(__file__).parents[2] / "src" / "dcrserver"
# Whoever asks whether a client is suspended asks about those that wait as well: all are.
_ASK = {
    "services/authentication/authenticator.py": "a client proves who it is",
    "services/clients/directory.py": "an authorization server looks it up",
    "services/tokens/authorization.py": "a person is sent to it",
    "services/tokens/status.py": "its tokens are looked at",
    "services/registration/sharing.py": "others are told of it",
    "services/access/registration_access_tokens.py": "it manages itself: those that wait read",
}
_TELL = {
    "repositories/clients.py": "which status it is",
    "repositories/queries/clients/filters.py": "lists of one status",
    "repositories/queries/clients/statistics.py": "how many have it",
    "services/clients/views.py": "administrators see since when",
    "services/clients/lifecycle.py": "it is suspended, and resumed",
    "services/jobs/actions.py": "many are",
}


def test_every_place_that_asks_for_the_status_is_known() -> None:
    found = set()
    for path in _SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == "suspended_at":
                found.add(path.relative_to(_SOURCE).as_posix())
    assert found == _ASK.keys() | _TELL.keys()


def test_every_status_is_told_and_one_alone_is_active() -> None:
    made = ClientRecord("default", "c", "{}", "", 1, 1, 1)
    assert made.status == ClientStatus.ACTIVE
    assert made._replace(suspended_at=1).status == ClientStatus.SUSPENDED
    for status in UNAPPROVED:
        assert made._replace(suspended_at=1, approval=status.word).status == status
    assert {*ClientStatus} == {ClientStatus.ACTIVE, ClientStatus.SUSPENDED} | UNAPPROVED
    assert FILTERS["status"].values == tuple(ClientStatus)
    assert ClientSummary.model_fields["status"].annotation is ClientStatus
