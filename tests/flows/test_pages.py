"""Pages for people, JSON for programs, and texts of strangers that stay texts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from conftest import MakeApplication
from dcrserver.console.reference import Reference
from dcrserver.edge import html
from harness.application import Application

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
# What Java's URL connections ask for, whoever uses them.
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
PROGRAMS = ["*/*", "application/json", "", "text/html;q=0.5, application/json", JAVA]
HOSTILE = "<script>alert(1)</script>'\"&`</pre></style>"


def _is_page(answer: Any) -> bool:
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in {"text/html", "application/json"}
    return bool(kind == "text/html")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html, application/json"])
async def test_the_root_tells_a_program_where_things_are(app: Application, accept: str) -> None:
    answer = await app.http.get("/", headers={"Accept": accept})
    told = answer.json()
    assert answer.headers["vary"] == "Accept"
    assert (told["issuer"], told["registration"]) == ("https://server.example.com", "open")
    assert told["registration_endpoint"] == "https://server.example.com/register"
    for address in (*told["metadata"], told["documentation"], told["openapi"]):
        assert (await app.http.get(address)).status_code == 200


async def test_the_root_of_a_tenant_is_its_own(make_app: MakeApplication) -> None:
    app = await make_app(tenants={"acme": {"mode": "protected"}})
    told = (await app.http.get("/t/acme/")).json()
    assert (told["registration"], told["issuer"]) == (
        "protected", "https://server.example.com/t/acme",
    )  # fmt: skip
    page = (await app.http.get("/t/acme/", headers={"Accept": CHROMIUM})).text
    assert 'href="/t/acme/docs"' in page
    assert '<span class="badge protected">' in page
    docs = (await app.http.get("/t/acme/docs")).text
    assert "https://server.example.com/t/acme/register" in docs
    assert "$INITIAL_ACCESS_TOKEN" in docs
    assert (await app.http.get("/t/acme/static/style.css")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nope", 404), ("PATCH", "/register", 405), ("GET", "/register/x", 401),
     ("GET", "/static/nope", 404), ("POST", "/token", 400), ("POST", "/register", 415)],
)  # fmt: skip
async def test_an_error_is_a_page_for_a_browser_alone(
    app: Application, method: str, path: str, status: int
) -> None:
    async def ask(**headers: str) -> Any:
        answer = await app.http.request(method, path, headers=headers)
        assert answer.status_code == status
        assert answer.headers["cache-control"] == "no-store"
        return answer

    for accept in PROGRAMS if path != "/nope" else PROGRAMS[:-1]:
        answer = await ask(Accept=accept)
        assert not _is_page(answer), accept
        told = answer.json()
    for headers in ({"Accept": CHROMIUM}, {"Accept": CHROMIUM, "Sec-Fetch-Mode": "navigate"}):
        page = await ask(**headers)
        assert _is_page(page)
        assert told["error"] in page.text
        assert page.headers["vary"] == "Accept"
        for name in ("www-authenticate", "allow"):
            assert page.headers.get(name) == answer.headers.get(name)
    if path != "/nope":  # a script of a page is a program, whatever it says it likes
        assert not _is_page(await ask(Accept=CHROMIUM, **{"Sec-Fetch-Mode": "cors"}))


async def test_who_likes_html_gets_it_where_nothing_is(app: Application) -> None:
    assert _is_page(await app.http.get("/nope", headers={"Accept": "text/html"}))
    for path in ("/register", "/register/x"):
        assert not _is_page(await app.http.get(path, headers={"Accept": "text/html"}))


async def test_a_fault_of_ours_is_a_page_too(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "STATIC", None)
    browser = {"Accept": CHROMIUM}
    page = await app.http.get("/static/style.css", headers=browser)
    assert (page.status_code, _is_page(page)) == (500, True)
    assert page.headers["x-request-id"] in page.text
    assert not _is_page(await app.http.get("/static/style.css"))


async def test_texts_of_strangers_stay_texts(app: Application) -> None:
    page = await app.http.get(f"/{HOSTILE}", headers={"Accept": CHROMIUM})
    assert page.status_code == 404
    assert "alert(1)" in page.text
    assert "<script" not in page.text
    weights = await app.http.get("/nope", headers={"Accept": "text/html;q=x;q=<script>, text/html"})
    assert weights.status_code == 404


def test_whatever_the_document_holds_is_escaped() -> None:
    api = {
        "info": {"title": HOSTILE, "version": HOSTILE, "description": HOSTILE},
        "tags": [{"name": HOSTILE, "description": HOSTILE, "x-displayName": HOSTILE}],
        "paths": {f"/{HOSTILE}/{{{HOSTILE}}}": {"post": _hostile_operation()}},
        "components": {
            "schemas": {
                HOSTILE: {
                    "type": HOSTILE,
                    "description": HOSTILE,
                    "example": {HOSTILE: HOSTILE},
                    "properties": {
                        HOSTILE: {
                            "type": "object", "description": HOSTILE, "default": HOSTILE,
                            "enum": [HOSTILE], "properties": {HOSTILE: {"format": HOSTILE}},
                        }
                    },
                }
            }
        },
    }  # fmt: skip
    reference = Reference(api, f"https://a.example/{HOSTILE}", is_open=False)
    rendered = html.text(
        "docs.html",
        info=api["info"],
        schemes={HOSTILE: {"scheme": HOSTILE, "description": HOSTILE}},
        groups=reference.groups(),
        schemas=reference.schemas(),
        issuer=HOSTILE,
        mode=HOSTILE,
        base=HOSTILE,
        title=HOSTILE,
    )
    assert rendered.count("alert(1)") > 30
    assert "<script" not in rendered
    # Nor does an attribute end where it should not.
    assert "</script>" not in rendered
    assert not re.search(r'="[^"]*<', rendered)


def _hostile_operation() -> dict[str, Any]:
    body = {HOSTILE: {"schema": {"$ref": f"#/components/schemas/{HOSTILE}"}, "example": HOSTILE}}
    parameter = {"name": HOSTILE, "in": "path", "required": True, "description": HOSTILE,
                 "example": HOSTILE, "schema": {"type": HOSTILE}}  # fmt: skip
    return {
        "tags": [HOSTILE],
        "summary": HOSTILE,
        "description": HOSTILE,
        "security": [{HOSTILE: []}],
        "parameters": [parameter],
        "requestBody": {"content": body},
        "responses": {HOSTILE: {"description": HOSTILE, "content": body, "headers": {HOSTILE: 1}}},
    }


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("a `b` c", "a <code>b</code> c"),
        ("`<b>` & <i>", "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"),
        ("one ` only <b>", "one ` only &lt;b&gt;"),
    ],
)
def test_what_stands_between_backticks_is_code(text: str, rendered: str) -> None:
    assert html.prose(text) == rendered


async def test_the_reference_tells_everything_that_is_documented(app: Application) -> None:
    api = (await app.http.get("/openapi.json")).json()
    page = (await app.http.get("/docs")).text
    for path, operations in api["paths"].items():
        for method in operations:
            assert f'<span class="method {method.upper()}">{method.upper()}</span>' in page
        assert f"<code>{path}</code>" in page
    for name, schema in api["components"]["schemas"].items():
        assert page.count(f'id="{name}"') == 1
        for member in schema.get("properties", ()):  # a word of a few has none
            assert f"<dt><code>{member}</code>" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


async def test_icons_and_styles_may_be_kept(app: Application) -> None:
    page = (await app.http.get("/docs")).text
    links = re.findall(r'<link [^>]*href="([^"]+)"', page)
    assert len(links) == 2
    for link, kind in zip([*links, "/favicon.ico"], ["image/svg+xml", "text/css", "image/x-icon"],
                          strict=True):  # fmt: skip
        answer = await app.http.get(link)
        assert answer.headers["content-type"].startswith(kind)
        assert "max-age" in answer.headers["cache-control"]
