"""A spike at a running stack that an autoscaler follows: what became of its requests and of its replicas."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from benchmarks.chat import ai_engine, bearer, chat_request, judge_answer
from benchmarks.platform_under_test import FILES, Engine, Platform, platform
from benchmarks.timed_upstream import timed_upstream
from optimus_ops.autoscale.model import ServiceSettings
from optimus_ops.autoscale.simulate.arrivals import draw
from optimus_ops.autoscale.simulate.model import Arrivals, RequestKind, Scenario, SecondStats, SimulationResult
from optimus_ops.change.history import Change, Outcome, read_history
from optimus_ops.load.background import BackgroundLoad
from optimus_ops.load.connection import Response
from optimus_ops.load.open_loop import run_open_loop
from optimus_ops.load.request import Endpoint, Request
from optimus_ops.load.result import ErrorKind, RequestResult

SERVICE, MODEL = "ai-engine", "timed"
SETTINGS = ServiceSettings(SERVICE, 1, 8, 16, 11, start_up_lead=5, cool_down=60)
KIND = RequestKind("chat", 1.0)
TENANTS = ("ACME", "GLOBEX")
CONNECTIONS, TIMEOUT_SECONDS = 600, 60.0
LEAD_SECONDS = 3.0
"""After which the autoscaler begins, so that the first load is none that came suddenly: the model begins so as well."""


class Rule(Enum):
    """Who decides, and the command that lets it follow a stack."""

    OURS = "invoke autoscale"
    HPA = "HPA's rule"

    def command(self, config: Path, seconds: int) -> list[str]:
        """Return the command."""
        if self is Rule.HPA:
            return [sys.executable, "-m", "benchmarks.hpa_autoscaler", str(config), str(seconds)]
        invoke = str(Path(sys.executable).with_name("invoke"))
        return [invoke, "autoscale", "--json", "--config", str(config), "--for", f"{seconds}s"]


@dataclass(frozen=True, slots=True)
class Sample:
    """The stack at a time: containers that run and that are healthy; and the share of the processors in use."""

    at: float
    running: int
    ready: int
    busy: float


@dataclass(frozen=True, slots=True)
class ScaleChange:
    """A change that was done: when it was decided, replicas before and after it, and the seconds that it took.

    `steps` are the seconds of each of its steps; what is left was spent on looking and planning.
    """

    at: float
    before: int
    to: int
    seconds: float
    steps: Mapping[str, float]


@dataclass(frozen=True)
class Followed:
    """What was seen of a stack: samples, answers, and changes; `times` are the requests' service times."""

    samples: Sequence[Sample]
    results: Sequence[RequestResult]
    times: Sequence[float]
    begin: float
    changes: Sequence[ScaleChange]

    @property
    def start_up(self) -> float:
        """Seconds that a change took which started replicas: the median."""
        return median(self.growths or [SETTINGS.start_up_lead])

    @property
    def leaving(self) -> float:
        """Seconds that a change took which let replicas leave: the median; 0 without one."""
        return median(self.shrinkages or [0.0])

    @property
    def growths(self) -> list[float]:
        """Seconds of each change that started replicas."""
        return [change.seconds for change in self.changes if change.to > change.before]

    @property
    def shrinkages(self) -> list[float]:
        """Seconds of each change that let replicas leave."""
        return [change.seconds for change in self.changes if change.to < change.before]

    def first_look(self, interval: float) -> float:
        """Return when the rule looked first, in seconds of the load: by a change, whole intervals before it."""
        if not self.changes:
            return interval
        return LEAD_SECONDS + (self.changes[0].at - self.begin - LEAD_SECONDS) % interval

    def result(self, rule: str, scenario: Scenario) -> SimulationResult:
        """Return it in the words of the model; a request belongs to the second in which it was due."""
        arrived, late, failed = (Counter[int]() for _ in range(3))
        for found in self.results:
            second = int(found.intended - self.begin)
            arrived[second] += 1
            failed[second] += bool(found.error)
            late[second] += bool(found.error) or found.latency > self.times[int(found.name)] + KIND.most_wait
        states = [self._state(second) for second in range(scenario.arrivals.seconds)]
        seconds = tuple(
            SecondStats(arrived[at], late[at], failed[at], state.ready, state.running, scenario.arrivals.offered(at))
            for at, state in enumerate(states)
        )
        violating = sum(found.late > scenario.violating * found.arrived for found in seconds)
        return SimulationResult(rule, seconds, float(sum(found.paid for found in seconds)), violating)

    def _state(self, second: int) -> Sample:
        """Return the last sample before the end of a second."""
        end = self.begin + second + 1
        return next((found for found in reversed(self.samples) if found.at <= end), self.samples[0])


class Chats:
    """Requests of two tenants in turn; each says how long it takes, and is answered with what it says."""

    def __init__(self, endpoint: Endpoint, keys: Sequence[str], times: Sequence[float]) -> None:
        self._endpoint, self._keys, self._times = endpoint, keys, times

    def request(self, client: int, number: int) -> Request:
        """Return the next request."""
        del client
        headers = bearer(self._keys[number % len(self._keys)])
        text = f"{self._times[number]:.4f} s for request {number}."
        return Request(chat_request(self._endpoint, headers, text, MODEL), str(number), KIND.name)

    def judge(self, request: Request, response: Response) -> ErrorKind | None:
        """Tell whether it is the answer to this request."""
        return judge_answer(response, f"for request {request.name}.".encode(), stream=False)


@contextmanager
def stack_for(engine: Engine) -> Iterator[Platform]:
    """Give a stack whose replicas of ai-engine have a few slots at a provider of our own."""
    host = engine.api.inspect_network("bridge")["IPAM"]["Config"][0]["Gateway"]
    with timed_upstream(host) as url, platform(engine) as stack:
        variables = {
            "PROVIDERS": "fake",
            "FAKE_BASE_URL": url,
            "FAKE_MODELS": MODEL,
            "FAKE_KEYLESS": "true",
            "PROVIDER_CONNECTIONS": f"{SETTINGS.slots:g}",
            # Who would wait for more than half of it is refused at once: the model's patience.
            "PROVIDER_WAIT_SECONDS": "20",
        }
        overlay = stack.folder / "slots.json"
        overlay.write_text(json.dumps({"services": {SERVICE: {"environment": variables}}}))
        yield stack.having(COMPOSE_FILE=":".join([*(str(stack.root / name) for name in FILES), str(overlay)]))


def run_live(stack: Platform, rule: Rule, offered: Arrivals, seed: int) -> Followed:
    """Send the requests to a stack that a rule follows from its minimum on."""
    stack.invoke("scale", f"--{SERVICE}", str(SETTINGS.least))
    endpoint = ai_engine("127.0.0.1", stack.ai_port, TIMEOUT_SECONDS)
    requests = list(draw(offered, seed))
    starts, times = [at for at, _, _ in requests], [seconds for _, _, seconds in requests]
    workload = Chats(endpoint, [stack.secret(f"TENANT_{name}_API_KEY") for name in TENANTS], times)
    samples: list[Sample] = []
    ended = threading.Event()
    watcher = threading.Thread(target=watch, args=(stack, samples, ended), daemon=True)
    load = BackgroundLoad(
        lambda record, _stopped: run_open_loop(endpoint, workload, starts, CONNECTIONS, record), uvloop.run
    )
    with ExitStack() as following:
        watcher.start()
        with load:
            time.sleep(LEAD_SECONDS)
            scaler = following.enter_context(autoscaling(stack, rule, offered.seconds))
        ended.set()
        watcher.join()
        output, _ = scaler.communicate(timeout=180)
    begin = min(found.intended for found in load.results) - starts[0]
    journal = read_history(stack.folder / "state" / "journal", stack.project).changes
    return Followed(samples, load.results, times, begin, made_changes(json.loads(output)["changes"], journal))


def made_changes(told: Sequence[dict[str, Any]], journal: Sequence[Change]) -> list[ScaleChange]:
    """Return the changes that were done, of those that a rule tells of, with their steps by the journal.

    That has the newest change first, and those before the rule began as well.
    """
    done = [change for change in told if change["outcome"] == "done"]
    records = [record for record in journal if record.outcome is Outcome.DONE][: len(done)][::-1]
    found, before = [], SETTINGS.least
    for change, record in zip(done, records, strict=True):
        steps = {step.text.partition(" ")[0]: step.seconds or 0.0 for step in record.steps}
        to = int(change["counts"][SERVICE])
        found.append(ScaleChange(float(change["at"]), before, to, float(change["seconds"]), steps))
        before = to
    return found


@contextmanager
def autoscaling(stack: Platform, rule: Rule, seconds: int) -> Iterator[subprocess.Popen[str]]:
    """Let a rule follow the stack meanwhile, and a little longer."""
    own = SETTINGS
    keys = {
        "min": own.least,
        "max": own.most,
        "slots": own.slots,
        "target_in_flight": own.target_in_flight,
        "start_up_lead": own.start_up_lead,
        "cool_down": own.cool_down,
    }
    config = stack.folder / "autoscale.yaml"
    config.write_text(json.dumps({"services": {SERVICE: keys}}))
    with subprocess.Popen(
        rule.command(config, seconds),
        cwd=stack.root,
        env=dict(stack.environ),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def watch(stack: Platform, samples: list[Sample], ended: threading.Event) -> None:
    """Note once a second which replicas there are; one list of the engine's, so that looking costs little."""
    before = processor_seconds()
    while not ended.wait(1.0):
        listed = stack.engine.listed(stack.project, SERVICE)
        now = processor_seconds()
        busy = (now[0] - before[0]) / max(now[1] - before[1], 1e-9)
        before = now
        ready = sum("(healthy)" in str(found["Status"]) for found in listed)
        samples.append(Sample(time.monotonic(), len(listed), ready, busy))


def processor_seconds() -> tuple[float, float]:
    """Return the time that all processors of the host were busy, and all that they had (proc_stat(5))."""
    ticks = [float(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)
