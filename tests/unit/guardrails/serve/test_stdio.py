"""`invoke guardrails.serve` over standard input and output: with the SDK's client, and with clients that misbehave."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from tests.unit.guardrails.conftest import POLICY, Checkout
from tests.unit.guardrails.serve.server_process import INVOKE, TASKS, alive, server_process

SLOW = (
    POLICY
    + """
  - id: slow
    kind: texts
    message: takes for ever
    why: a regular expression may
    mend: write another one
    files: [src/**/*.py]
    pattern: ^(a+)+$
"""
)
ENDLESS = f"X = '{'a' * 60}b'\n"


def children(process: int) -> list[int]:
    return [int(name) for name in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def ended(processes: list[int]) -> bool:
    """Wait until processes are gone; one that has just started notices by itself."""
    for _ in range(3000):
        if not any(alive(process) for process in processes):
            return True
        time.sleep(0.01)
    return False


async def test_the_client_of_the_sdk_starts_it_and_checks_a_change(checkout: Checkout) -> None:
    checkout.write("src/shop/store.py", "from shop import web\n")
    checkout.write("tasks.py", TASKS)
    parameters = StdioServerParameters(command=INVOKE, args=["guardrails.serve"], cwd=str(checkout.root))
    async with Client(parameters) as client:
        found = (await client.call_tool("check_diff", {})).structured_content
    assert found
    assert [each["rule"] for each in found["violations"]] == ["layers"]


def test_a_client_that_misbehaves_is_answered_and_served_on(checkout: Checkout) -> None:
    with server_process(checkout.root) as server:
        server.send(b"hello\n\x00\xff\n{}\n")
        assert [server.answer()["error"]["code"] for _ in range(3)] == [-32700, -32700, -32600]
        server.greet()
        # 100 MB in one line, and as an argument.
        for _ in range(100):
            server.send(b"x" * 1_000_000)
        server.send(b"\n")
        assert server.answer()["error"]["code"] == -32600
        # A flood: each request has its answer, be it that there are too many.
        for number in range(1, 301):
            server.call(number, "list_rules")
        answers = [server.answer() for _ in range(300)]
        assert {answer["id"] for answer in answers} == set(range(1, 301))
        assert all("result" in answer or "busy" in answer["error"]["message"] for answer in answers)
        server.ask(301, "ping")
        assert server.answer() == {"jsonrpc": "2.0", "id": 301, "result": {}}
        server.send(b'{"jsonrpc":"2.0","id":302,"meth')
        assert server.process.stdin
        server.process.stdin.close()
        assert server.wait() == 0


def test_pings_are_answered_while_it_judges_and_a_client_that_leaves_ends_all(checkout: Checkout) -> None:
    checkout.write("policy.yaml", SLOW)
    with server_process(checkout.root) as server:
        server.greet()
        server.call(1, "check_files", files=[{"path": "src/shop/web.py", "content": ENDLESS}])
        server.ask(2, "ping")
        assert server.answer()["id"] == 2
        while not (judging := children(server.process.pid)):
            time.sleep(0.01)
        assert server.process.stdin
        server.process.stdin.close()
        assert server.wait() == 0
        assert ended(judging)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_amid_a_call(checkout: Checkout, number: signal.Signals) -> None:
    checkout.write("policy.yaml", SLOW)
    with server_process(checkout.root) as server:
        server.greet()
        server.call(1, "check_files", files=[{"path": "src/shop/web.py", "content": ENDLESS}])
        server.ask(2, "ping")
        assert server.answer()["id"] == 2
        server.process.send_signal(number)
        assert server.wait() == 0


def test_what_anything_prints_is_no_part_of_the_protocol(checkout: Checkout, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    noise = "import os, sys\nprint('noise')\nos.write(1, b'more noise') if 'mcp' in sys.argv else None\n"
    # Loaded by Python itself, and by a library that the server loads late.
    (library / "sse_starlette.py").write_text(f"{noise}os.system('echo noise of a child')\nraise ImportError\n")
    (library / "ast_grep_py.py").write_text(noise)
    with server_process(checkout.root, PYTHONPATH=str(library)) as server:
        server.ask(0, "initialize")
        assert server.process.stdin
        server.process.stdin.close()
        assert server.process.stdout
        lines = server.process.stdout.read().splitlines()
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in lines)
    assert "noise of a child" in (checkout.root.parent / "stderr").read_text()


def test_without_a_policy_it_says_so_at_once(checkout: Checkout) -> None:
    (checkout.root / "policy.yaml").unlink()
    with server_process(checkout.root) as server:
        assert server.wait() == 2
    assert "no policy.yaml" in (checkout.root.parent / "stderr").read_text()
