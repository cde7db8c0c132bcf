"""The browser of a person who lets everything in: browser.py URL.

Clients start it as they would start any: as xdg-open, or as $BROWSER says.
"""

from __future__ import annotations

import html
import re
import sys

import httpx

_FORM = re.compile(r'<form method="post" action="([^"]*)"')
_STEPS = 5


def main(url: str) -> None:
    transport = httpx.HTTPTransport(retries=5)  # the client's own callback may not listen yet
    with httpx.Client(transport=transport, follow_redirects=True, timeout=30) as http:
        page = http.get(url)
        for _ in range(_STEPS):
            form = _FORM.search(page.text)
            if form is None:
                break
            action = page.url.join(html.unescape(form[1]))
            page = http.post(action, data={"login": "alice"})
    print(page.status_code, page.url, page.text)


if __name__ == "__main__":
    main(sys.argv[1])
