"""Load while something changes: clients of ai-engine, and every request that was lost."""

from __future__ import annotations

import json
import uuid
from typing import Any, Self

import docker
from benchmarks.chat import ai_engine, bearer, chat_request, judge_answer
from tests.integration.platform import Platform

from optimus_ops.load.background import BackgroundLoad
from optimus_ops.load.closed_loop import Pace, run_closed_loop
from optimus_ops.load.connection import Response
from optimus_ops.load.request import Endpoint, Request
from optimus_ops.load.result import ErrorKind, RequestResult
from optimus_ops.system.wait import wait_until

CLIENTS = 4
# Two cores have to carry the stack, the load and the change.
INTERVAL_SECONDS = 0.06
TIMEOUT_SECONDS = 60.0
LONG = "embedded/3000"


class Questions:
    """The first client asks for answers that take their time, the second for streams, the others for plain answers."""

    def __init__(self, endpoint: Endpoint, key: str, long: str) -> None:
        self._endpoint = endpoint
        self._headers = bearer(key)
        self._models = {"long": long, "stream": "embedded/500", "plain": "embedded"}
        self._run = f"load-{uuid.uuid4().hex[:8]}"

    def request(self, client: int, number: int) -> Request:
        kind, name = ("long", "stream", "plain")[min(client, 2)], f"{self._run}-{client}-{number}"
        headers = {**self._headers, "X-Request-Id": name}
        content = chat_request(self._endpoint, headers, f"it is {name}", self._models[kind], stream=kind == "stream")
        return Request(content, name, kind)

    def judge(self, request: Request, response: Response) -> ErrorKind | None:
        stream = request.kind == "stream"
        return judge_answer(response, b"" if stream else request.name.encode(), stream=stream)


class Load(BackgroundLoad):
    """Clients that ask through the balancer while the block runs.

    Entering it returns when each kind was answered, but for the one that takes its time: it is under way then.

    Args:
        platform: whom they ask.
        clients: how many.
        long: the model whose answers take their time.
    """

    def __init__(self, platform: Platform, clients: int = CLIENTS, long: str = LONG) -> None:
        endpoint = ai_engine("127.0.0.1", platform.ai_port, TIMEOUT_SECONDS)
        questions = Questions(endpoint, platform.secret("TENANT_ACME_API_KEY"), long)
        pace = Pace(clients, interval=INTERVAL_SECONDS)
        super().__init__(lambda record, stopped: run_closed_loop(endpoint, questions, pace, record, stopped))
        self._platform = platform
        self._reported = 0

    def __enter__(self) -> Self:
        super().__enter__()
        ready = wait_until(
            lambda: bool(self.failures) or {answer.kind for answer in self.answers} >= {"stream", "plain"},
            TIMEOUT_SECONDS,
            poll=0.02,
        )
        assert ready, "the load never got going"
        return self

    @property
    def answers(self) -> list[RequestResult]:
        """The requests that were answered well."""
        return [result for result in list(self.results) if not result.error]

    @property
    def failures(self) -> list[RequestResult]:
        """The requests that were lost; without those that `assert_nothing_lost` has reported."""
        return [result for result in self.results[self._reported :] if result.error]

    def assert_nothing_lost(self) -> None:
        """Fail with what was lost, as the client and the balancer saw it; and where there was no load to speak of."""
        lost, self._reported = self.failures, len(self.results)
        log = balancer_log(self._platform) if lost else {}
        lines = [f"{result.outcome}: {result}\n      {log.get(result.name)}" for result in lost]
        assert not lines, "lost:\n  " + "\n  ".join(lines)
        assert {answer.kind for answer in self.answers} >= {"long", "stream", "plain"}

    def go_on(self, requests: int) -> None:
        """Go on until so many more requests have ended, well or not."""
        wanted = len(self.results) + requests
        assert wait_until(lambda: len(self.results) >= wanted, TIMEOUT_SECONDS, poll=0.02), "nobody answers any more"


def balancer_log(platform: Platform) -> dict[str, dict[str, Any]]:
    """Return request id -> what the balancer wrote of the request."""
    engine = docker.from_env()
    lines = [
        line for i in platform.replicas("nginx-lb").values() for line in engine.containers.get(i).logs().splitlines()
    ]
    written = [json.loads(line) for line in lines if line.startswith(b'{"time"')]
    return {line["request_id"]: line for line in written}
