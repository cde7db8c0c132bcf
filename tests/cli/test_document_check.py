"""dcrserver client document check: why a document counts, or does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.commands import Commands

_URL = "https://app.example/client.json"
_GOOD = {"client_id": _URL, "redirect_uris": ["https://app.example/cb"], "client_name": "App"}


@pytest.fixture
def checked(run: Commands, tmp_path: Path) -> Any:
    def check(document: Any, status: int = 0) -> Any:
        file = tmp_path / "document.json"
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        arguments = ("client", "document", "check", str(file), "--json")
        return json.loads(run.both(*arguments, status=status).out)

    return check


def test_what_it_registers_is_told(checked: Any, run: Commands, tmp_path: Path) -> None:
    told = checked(_GOOD | {"odd": 1})
    assert told["acceptable"] is True
    assert told["registration"]["token_endpoint_auth_method"] == "none"
    assert [each["member"] for each in told["ignored"]] == ["odd"]
    words = run("client", "document", "check", str(tmp_path / "document.json"), "-o", "table")
    assert words.startswith("acceptable\n")


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("nonsense", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        (_GOOD | {"client_id": "https://app.example"}, "client_id must have a path"),
        (_GOOD | {"client_secret": "x"}, "everybody can read it"),
        (_GOOD | {"logo_uri": "https://10.0.0.1/x"}, "special-purpose address"),
    ],
)
def test_a_document_that_does_not_count_says_why(checked: Any, document: Any, why: str) -> None:
    told = checked(document, 1)
    assert told["acceptable"] is False
    assert why in told["error"]


def test_what_a_registration_would_be_refused_for_is_told_as_there(checked: Any) -> None:
    told = checked(_GOOD | {"redirect_uris": ["javascript:alert(1)"]}, 1)
    assert told["acceptable"] is False
    assert "redirect_uris" in json.dumps(told["issues"])


def test_a_url_is_read_from_there(run: Commands) -> None:
    told = json.loads(
        run.both("client", "document", "check", "https://localhost:1/x", "--json", status=1).out
    )
    assert told["error"].startswith("it could not be read: ")
    assert "[outbound] allowed_hosts excepts" in told["error"]
    told = json.loads(
        run.both("client", "document", "check", "http://localhost:1/x", "--json", status=1).out
    )
    assert told["error"] == "client_id must be an https URL"
