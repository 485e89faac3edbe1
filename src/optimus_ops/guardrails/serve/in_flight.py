"""A limit of requests under way: a client that floods the server is told so, and memory stays bounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError

MOST_REQUESTS = 16
BUSY = -32000
LIMITED = frozenset({"tools/call", "resources/read", "prompts/get"})


@dataclass
class InFlightLimit:
    """Refuses requests that judge or read while too many of them are under way; pings are always answered."""

    most: int = MOST_REQUESTS
    under_way: int = 0

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Pass a request on.

        Raises:
            MCPError: too many are under way.
        """
        if ctx.method not in LIMITED:
            return await call_next(ctx)
        if self.under_way >= self.most:
            raise MCPError(BUSY, f"busy: {self.most} requests are under way; wait for an answer, then call again")
        self.under_way += 1
        try:
            return await call_next(ctx)
        finally:
            self.under_way -= 1
