"""What the protocol puts into the scope of a request beside what ASGI has."""

from __future__ import annotations

# The first value of each header, by its name: where it is not there, ``dependencies`` makes it.
BY_NAME_KEY = "dcrserver.headers"
