"""A call takes no longer than it may, leaves no process behind, and lets pings through."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest
from mcp.server.mcpserver.exceptions import ResourceError
from tests.unit.guardrails.serve.calls import die, hang, refuse, whoami
from tests.unit.guardrails.serve.server_process import alive

from optimus_ops.guardrails.serve.asking import Asker


async def test_a_refusal_is_an_error_with_its_hint() -> None:
    with pytest.raises(ResourceError, match="no\n→ a hint"):
        await Asker().ask(refuse, "no")


async def test_a_process_stays_and_one_that_ended_is_replaced() -> None:
    asker = Asker()
    first = await asker.ask(whoami)
    assert await asker.ask(whoami) == first != os.getpid()
    with pytest.raises(ResourceError, match="call again"):
        await asker.ask(die)
    assert await asker.ask(whoami) != first


async def test_a_call_that_takes_too_long_is_ended_with_its_process(tmp_path: Path) -> None:
    # The process is there already, so that the time is the call's own.
    await Asker().ask(whoami)
    with pytest.raises(ResourceError, match=r"no answer within 0\.5 s"):
        await Asker(seconds=0.5).ask(hang, str(tmp_path / "pid"))
    assert not alive(int((tmp_path / "pid").read_text()))
    assert await Asker().ask(whoami)


async def test_a_call_that_nobody_waits_for_any_more_is_ended(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Asker().ask, hang, str(pipe))
        process = int(await anyio.to_thread.run_sync(pipe.read_text))
        tasks.cancel_scope.cancel()
    assert not alive(process)
