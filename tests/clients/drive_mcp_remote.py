"""A program that speaks MCP over its pipes, as desktop clients do, by way of mcp-remote.

drive_mcp_remote.py COMMAND... MCP_SERVER
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

_VERSION = "2025-06-18"


class Pipes:
    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._asked = 0

    def tell(self, method: str, **members: Any) -> None:
        assert self._process.stdin
        message = {"jsonrpc": "2.0", "method": method, **members}
        self._process.stdin.write(f"{json.dumps(message)}\n")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        assert self._process.stdout
        self._asked += 1
        self.tell(method, id=self._asked, params=parameters)
        for line in self._process.stdout:
            message = json.loads(line)
            if message.get("id") == self._asked:
                result: dict[str, Any] = message["result"]
                return result
        raise AssertionError(f"{method}: mcp-remote ended")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def main(*command: str) -> None:
    pipes = Pipes([*command])
    try:
        client = {"name": "tests", "version": "1"}
        pipes.ask("initialize", protocolVersion=_VERSION, capabilities={}, clientInfo=client)
        pipes.tell("notifications/initialized")
        result = pipes.ask("tools/call", name="who_am_i", arguments={})
    finally:
        pipes.close()
    print(json.dumps({"said": result["content"][0]["text"]}))


main(*sys.argv[1:])
