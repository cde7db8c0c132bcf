"""The page of findings: how open registration is, and what ends it."""

from __future__ import annotations

from collections.abc import Iterator

from dcrserver.posture import ALL, NAMES

_HEAD = """# How open registration is

    dcrserver policy posture
    dcrserver policy posture --json
    dcrserver policy posture --server https://auth.example.com --token-file admin.token

tells what could be tighter, the worst first: of a tenant and of the server that it is on. With
`--json` it is a list of `{id, severity, reason, setting}`; `setting` is the key that ends the
finding. `GET /admin/v1/posture` (scope `policies:read`) tells the same list as `findings`, beside
the `tenant` and the `worst` severity; to administrators of one tenant not what is of the server.
Before there is a database the configuration alone is looked at, so that it can be tried before it
is used. Much of it may be meant so: a server for MCP clients is
open, has redirect URIs on people's machines and scripts of other pages. What is told is what an
attacker finds.

The exit code tells the worst, for scripts and pipelines:

| exit code | the worst is |
|---|---|
| 0 | nothing, or `info` |
| 3 | `low` |
| 4 | `medium` |
| 5 | `high` |
| 6 | `critical` |
| 1, 2 | the command failed, or was not understood |

Statements ([policy](policy.md)) are asked what they make of what a stranger would try:

- One that refuses or holds whoever comes openly (`origin`, `actor`, claims of a software statement,
  of which strangers have none) ends what is found of strangers. One that holds leaves what the
  approval does not end: names, pages, credentials that never expire. By address, or its names, it
  ends `registration_open` alone: what is inside may be hostile, too.
- One that restricts, forces or removes a member, or refuses or holds by it, ends what is found of
  that member: an allow list of hosts, not a list of blocked ones.
- `expire` ends that secrets or registration access tokens have no end, and `limit` by `tenant` or
  `origin` that nobody counts clients.
- One about the time, the number of clients, or another member that its sender makes up ends
  nothing.

| id | severity | | what is found | setting |
|---|---|---|---|---|
"""
_FOOT = """
Those marked with \\* are warned of at every start, and by `dcrserver config check`, too
([telemetry](telemetry.md)). Those of the server are for administrators of all tenants.
"""


def text() -> str:
    """The page."""
    return _HEAD + "".join(f"{row}\n" for row in _rows()) + _FOOT


def _rows() -> Iterator[str]:
    for check in sorted(ALL, key=lambda each: (-each.severity, each.name)):
        marks = ["server"] * check.of_server + ["\\*"] * (check.name in NAMES)
        yield (
            f"| `{check.name}` | {check.severity.word} | {' '.join(marks)} | {check.text} |"
            f" `{check.setting}` |"
        )
