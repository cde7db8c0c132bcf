"""FastMCP: from the URL of an MCP server to its tool: drive_fastmcp.py MCP_SERVER."""

from __future__ import annotations

import asyncio
import json
import sys
import warnings

from fastmcp import Client
from fastmcp.client.auth import OAuth

# It would rather have a store for its tokens.
warnings.filterwarnings("ignore", message="Using in-memory token storage")


async def main(mcp_server: str) -> None:
    async with Client(mcp_server, auth=OAuth(scopes="profile")) as client:
        result = await client.call_tool("who_am_i", {})
    print(json.dumps({"said": result.content[0].text}))


asyncio.run(main(sys.argv[1]))
