"""`.mcp.json`: what it says starts the server of this repository."""

from __future__ import annotations

import json

from mcp import Client
from mcp.client.stdio import StdioServerParameters
from tests.unit.repository import CHECKOUT


async def test_what_the_file_says_is_started_by_the_client_of_the_sdk() -> None:
    servers = json.loads((CHECKOUT / ".mcp.json").read_text("utf-8"))["mcpServers"]
    parameters = StdioServerParameters(**servers["guardrails"], cwd=str(CHECKOUT))
    async with Client(parameters) as client:
        tools = await client.list_tools()
        rules = (await client.call_tool("list_rules", {})).structured_content
    assert {"check_diff", "check_files"} <= {tool.name for tool in tools.tools}
    assert rules
    assert "pure-planners" in {rule["id"] for rule in rules["rules"]}
