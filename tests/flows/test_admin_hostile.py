"""What nobody should send to administrators' routes, on every database."""

from __future__ import annotations

import re

import pytest
from fastapi.routing import iter_route_contexts

from dcrserver.app import ROUTERS
from dcrserver.services.access.scopes import SCOPES
from harness.administration import administrator
from harness.application import Application

SPELT = ("%00", "a%00b", "%ED%A0%80", "%FF", "%F0%9F%98%80", "%2500", "x" * 3000)
# The first is asked by nobody.
QUERIES = ("tenant=%00", "after=%00", "client_name=%00", "policy=%00", "fields=%00", "%00=1",
           "cursor=%00", "q=%F0%9F%98%80", "owner=%F0%9F%98%80", "type=%00")  # fmt: skip


@pytest.mark.finding("M8")
async def test_characters_that_a_database_has_not_are_refused_at_every_route(
    any_app: Application,
) -> None:
    """Also of those who are nobody: PostgreSQL ends a connection over a NUL."""
    headers = await any_app.admin_token(*SCOPES)
    nobody = {"Authorization": "Bearer adm_nobody"}
    wrong = []
    for found in iter_route_contexts([each for router in ROUTERS for each in router.routes]):
        path = str(found.path)
        asked = [re.sub(r"{\w+}", spelt, path) for spelt in SPELT] if "{" in path else []
        if path.startswith(("/admin", "/register", "/api")):
            asked += [f"{re.sub(r'{.*?}', 'x', path)}?{query}" for query in QUERIES]
        for method in found.original_route.methods or ():  # type: ignore[attr-defined]
            for where in asked:
                sent = nobody if "tenant=" in where else headers
                answer = await any_app.http.request(method, where, headers=sent)
                if answer.status_code >= 500:
                    wrong.append(f"{method} {where[:80]}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.finding("M8")
@pytest.mark.parametrize(
    "label", ["a\0", "\x1b[2J", "a\r\nb", "\x9b2J", "\u202egnp.exe", "a\u2028b", "x" * 201]
)
async def test_a_label_of_a_token_is_a_line_of_text(any_app: Application, label: str) -> None:
    admin = await administrator(any_app, *SCOPES)
    for noun, more in (
        ("admin-tokens", {"scopes": ["clients:read"]}),
        ("initial-access-tokens", {}),
    ):
        told = await admin.post(f"/{noun}", 400, json={"label": label} | more)
        assert told["errors"][0]["pointer"] == "#/label"
