"""The pages as a person sees them: in a real Chromium, light, dark and on a phone, with axe.

Screenshots are left in the folder that DCR_TEST_ARTIFACTS names, where it does.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from harness import npm
from harness.long_run import IS_LONG
from harness.process import environment, serving
from harness.programs import program

HERE = Path(__file__).parent
PAGES = {
    "index": ("/", 200, "dcrserver"),
    "reference": ("/docs", 200, "API reference · dcrserver"),
    "missing": ("/nope", 404, "Not Found · dcrserver"),
    "for-programs": ("/token", 405, "Method Not Allowed · dcrserver"),
    "authorize": ("/authorize?client_id=x", 400, "Cannot continue · dcrserver"),
}
LOOKS = {"light": "rgb(255, 255, 255)"}
if IS_LONG:
    LOOKS |= {"dark": "rgb(17, 20, 24)", "phone": "rgb(255, 255, 255)"}
_SECONDS = 240


Visit = dict[str, Any]


def _visits(folder: Path) -> list[Visit]:
    """What a browser saw of each page in each look."""
    chromium, node = program("chromium"), npm.node()
    npm.install(HERE)
    shots = Path(os.environ.get("DCR_TEST_ARTIFACTS") or folder)
    shots.mkdir(parents=True, exist_ok=True)
    with serving(folder) as server:
        wanted = [
            {"name": name, "url": f"{server.base_url}{path}"}
            for name, (path, _, _) in PAGES.items()
        ]
        done = subprocess.run(
            [node, "look.mjs", chromium, str(shots)],
            cwd=HERE,
            env=environment(HOME=str(folder), DCR_TEST_LONG=os.environ.get("DCR_TEST_LONG", "")),
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "unhandled" not in server.log
    seen: list[Visit] = json.loads(done.stdout)
    for visit in seen:
        visit["base_url"] = server.base_url
        assert (shots / f"{visit['name']}-{visit['look']}.png").stat().st_size > 5000
    assert len(seen) == len(PAGES) * len(LOOKS)
    return seen


def _is_there(visit: Visit) -> None:
    _, status, title = PAGES[visit["name"]]
    assert (visit["status"], visit["title"]) == (status, title)
    assert visit["background"] == LOOKS[visit["look"]]  # the style sheet is in force
    assert not visit["overflows"]
    assert visit["deadLinks"] == []
    assert visit["first"] == "Skip to content"  # of the keyboard


def _loads_nothing_from_elsewhere(visit: Visit) -> None:
    assert all(url.startswith(f"{visit['base_url']}/") for url in visit["requests"])
    assert any("/static/style.css" in url for url in visit["requests"])
    # Chromium tells of the page's own status; of nothing else, as our content security policy.
    told = [text for text in visit["problems"] if "the server responded with" not in text]
    assert told == []


def test_pages_in_a_browser(tmp_path: Path) -> None:
    """One test, as the browser is the dear part of it."""
    for visit in _visits(tmp_path):
        print(visit["name"], visit["look"])
        _is_there(visit)
        _loads_nothing_from_elsewhere(visit)
        assert visit["violations"] == []
        assert visit["passed"] > (15 if visit["look"] == "light" else 0)  # axe looked
