"""Load while something changes: clients that ask one request after the other, and note each one that is lost."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import docker
from tests.integration.platform import Platform

CLIENTS = 4
# A client's pause between two requests: two cores have to carry the stack, the load and the change.
PAUSE_SECONDS = 0.02
PATIENCE_SECONDS = 60.0
LONG = "embedded/3000"
STREAM_END = b"data: [DONE]"


@dataclass(frozen=True)
class Failure:
    """A request that was lost.

    Args:
        kind: what the client saw: a status ("502"), a cut connection ("ConnectionResetError"), a stream without its
            end ("cut").
        request: its id, as the balancer's log has it.
        what: which kind of request it was.
        seconds: from its beginning until then.
        detail: what else is known.
    """

    kind: str
    request: str
    what: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class Answer:
    """A request that was answered, in the order of their ends.

    Args:
        request: its id.
        served_by: hostname of the replica.
        what: which kind of request it was.
    """

    request: str
    served_by: str
    what: str


class LostError(Exception):
    """An answer that is none of use."""


@dataclass
class Load:
    """Clients against ai-engine through the balancer, until the block ends.

    One of them asks for answers that take their time, one for streams, the others for plain answers. Connections are
    kept open; after `Connection: close` a new one is opened, as HTTP has it.

    Args:
        platform: whom they ask.
        clients: how many.
        long: the model whose answers take their time.
        failures: the requests that were lost.
        answers: those that were answered.
        name: what the ids of its requests begin with.
    """

    platform: Platform
    clients: int = CLIENTS
    long: str = LONG
    failures: list[Failure] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    name: str = field(default_factory=lambda: f"load-{uuid.uuid4().hex[:8]}")
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Start, and return when every client was answered once."""
        key = self.platform.secret("TENANT_ACME_API_KEY")
        kinds = itertools.chain(["long", "stream"], itertools.repeat("plain"))
        for number, what in zip(range(self.clients), kinds, strict=False):
            client = _Client(self, number, what, key)
            self._threads.append(threading.Thread(target=client.run, daemon=True))
        for thread in self._threads:
            thread.start()
        until = time.monotonic() + PATIENCE_SECONDS
        while len({answer.what for answer in self.answers}) < min(self.clients, 3) and not self.failures:
            assert time.monotonic() < until, "the load never got going"
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let every client end what it is at."""
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    @property
    def served_by(self) -> Counter[str]:
        """Return hostname -> how many answers it gave."""
        return Counter(answer.served_by for answer in list(self.answers))

    def assert_nothing_lost(self) -> None:
        """Fail with what was lost, as the client and the balancer saw it; and where there was no load to speak of.

        What was told once isn't told again.
        """
        lost, self.failures = self.failures, []
        log = balancer_log(self.platform) if lost else {}
        told = [f"{failure}\n      {log.get(failure.request)}" for failure in lost]
        assert not told, "lost:\n  " + "\n  ".join(told)
        assert {answer.what for answer in self.answers} >= {"long", "stream", "plain"}

    def go_on(self, requests: int) -> None:
        """Go on until so many more requests have ended, well or not."""
        until = time.monotonic() + PATIENCE_SECONDS
        wanted = len(self.answers) + len(self.failures) + requests
        while len(self.answers) + len(self.failures) < wanted:
            assert time.monotonic() < until, "nobody answers any more"
            time.sleep(0.02)


def balancer_log(platform: Platform) -> dict[str, dict[str, Any]]:
    """Return request id -> what the balancer wrote of the request."""
    engine = docker.from_env()
    lines = [
        line for i in platform.replicas("nginx-lb").values() for line in engine.containers.get(i).logs().splitlines()
    ]
    written = [json.loads(line) for line in lines if line.startswith(b'{"time"')]
    return {line["request_id"]: line for line in written}


@dataclass
class _Client:
    load: Load
    number: int
    what: str
    key: str

    def run(self) -> None:
        """Ask until it is over."""
        connection = self._connection()
        for turn in itertools.count():
            request = f"{self.load.name}-{self.number}-{turn}"
            began = time.monotonic()
            try:
                served_by = self._ask(connection, request)
                self.load.answers.append(Answer(request, served_by, self.what))
            except (OSError, http.client.HTTPException, LostError) as error:
                kind = str(error) if isinstance(error, LostError) else type(error).__name__
                seconds = round(time.monotonic() - began, 3)
                self.load.failures.append(Failure(kind, request, self.what, seconds, str(error)))
                connection.close()
            if self.load._over.wait(PAUSE_SECONDS):
                break
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.load.platform.ai_port, timeout=PATIENCE_SECONDS)

    def _ask(self, connection: http.client.HTTPConnection, request: str) -> str:
        body: dict[str, Any] = {"model": "embedded", "messages": [{"role": "user", "content": f"it is {request}"}]}
        if self.what == "long":
            body["model"] = self.load.long
        if self.what == "stream":
            body.update(model="embedded/500", stream=True)
        headers = {"Authorization": f"Bearer {self.key}", "X-Request-Id": request, "Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        response = connection.getresponse()
        said = response.read()
        if response.status != 200:
            raise LostError(str(response.status))
        whole = said.rstrip().endswith(STREAM_END) if self.what == "stream" else request in said.decode()
        if not whole:
            raise LostError("cut")
        return response.headers["X-Served-By"]
