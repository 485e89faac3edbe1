"""A client of the SDK on the server in memory, whose questions are answered in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from anyio import CapacityLimiter
from mcp import Client
from mcp.server import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, GetPromptResult, ListToolsResult, TextResourceContents
from tests.unit.guardrails.conftest import Checkout

from optimus_ops.guardrails.serve.asking import Asker
from optimus_ops.guardrails.serve.judging import memory
from optimus_ops.guardrails.serve.server import make_server


async def here(call: Callable[..., Any], words: tuple[Any, ...], _turns: CapacityLimiter) -> Any:
    """Answer in this process."""
    return call(*words)


@dataclass(frozen=True)
class OneCallClient:
    """The SDK's client, connected anew for each call: its tasks end in the task that began them."""

    server: MCPServer[Any]

    async def list_tools(self) -> ListToolsResult:
        async with Client(self.server) as client:
            return await client.list_tools()

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        async with Client(self.server) as client:
            return await client.call_tool(name, arguments)

    async def read_text(self, uri: str) -> str:
        """Return a resource's text, or the message of the error."""
        async with Client(self.server) as client:
            try:
                (content,) = (await client.read_resource(uri)).contents
            except MCPError as error:
                return str(error)
        assert isinstance(content, TextResourceContents)
        return str(content.text)

    async def get_prompt(self, name: str, arguments: dict[str, str]) -> GetPromptResult:
        async with Client(self.server) as client:
            return await client.get_prompt(name, arguments)


@pytest.fixture
def client(checkout: Checkout) -> Iterator[OneCallClient]:
    """Return a client of a server for the checkout, which knows nothing of another test's one."""
    memory.cache_clear()
    assert checkout.root.is_dir()
    yield OneCallClient(make_server(Asker(run=here)))
    memory.cache_clear()
