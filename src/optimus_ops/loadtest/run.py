"""One run of a load: the generators are started, followed, and ended, also by Ctrl-C."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

from optimus_ops.engine.port import Engine
from optimus_ops.errors import Interrupted, OpsError
from optimus_ops.loadtest.arrivals import arrivals
from optimus_ops.loadtest.collect import Collector
from optimus_ops.loadtest.engines.choose import worker_start
from optimus_ops.loadtest.generator.spec import GeneratorSpec
from optimus_ops.loadtest.model import LoadPlatform, LoadResult, Profile, WorkerFacts
from optimus_ops.loadtest.plan import LoadPlan
from optimus_ops.loadtest.platform_samples import platform_samples, replicas_text, since
from optimus_ops.loadtest.processes import Worker, follow, started_workers
from optimus_ops.loadtest.records import Interval
from optimus_ops.system.guard import guarded
from optimus_ops.system.process import end_session
from optimus_ops.text.console import Progress

RUN_VARIABLE = "OPTIMUS_LOAD_TEST_RUN"
"""Marks the processes of a run."""
START_SECONDS, LEAD_SECONDS, GRACE_SECONDS = 60.0, 0.5, 15.0
LAST_SECONDS = 3.0
"""In which generators that were told to end write what they still have."""


@dataclass(frozen=True)
class LoadRun:
    """A planned load of a platform, whose modules are found below `root`.

    With an engine, what the stack `project` does meanwhile is observed.
    """

    plan: LoadPlan
    platform: LoadPlatform
    root: Path
    engine: Engine | None = None
    project: str = ""

    @property
    def profile(self) -> Profile:
        """The load."""
        return self.plan.profile

    def measure(self, progress: Progress) -> LoadResult:
        """Make the load and return what was measured; an interruption ends it and is told in the result."""
        with TemporaryDirectory(prefix="load-test-") as folder:
            mark = f"{RUN_VARIABLE}={folder}"
            # Neither the generators nor their keys outlive this process, even where it is killed.
            with guarded(mark, folders=[Path(folder)]):
                return self._measure(Path(folder), progress)

    def _measure(self, folder: Path, progress: Progress) -> LoadResult:
        specs = self._specs()
        starts = [worker_start(self.plan.engine, spec, self.platform, folder) for spec in specs]
        collector, interrupted, begin = Collector(), 0, time.monotonic()
        with (
            platform_samples(self.engine, self.project, self.platform) as samples,
            started_workers(starts, folder, self._environ(folder)) as workers,
        ):
            try:
                begin = self._begin(workers)
                until = begin + self.profile.seconds + self.profile.timeout + GRACE_SECONDS

                def tick() -> bool:
                    progress.note = f"{collector.progress()}{replicas_text(samples)}"
                    return time.monotonic() < until

                follow(workers, collector.add, tick)
            except KeyboardInterrupt as error:
                interrupted = error.exit_code - 128 if isinstance(error, Interrupted) else signal.SIGINT
                _end(workers, collector)
            facts = tuple(_facts(worker) for worker in workers)
        elapsed = min(time.monotonic() - begin, self.profile.seconds)
        return LoadResult(
            self.profile,
            self.plan.engine,
            collector.intervals,
            facts,
            since(begin, samples),
            missing=missing_arrivals(self.profile, collector.intervals, elapsed),
            seconds=elapsed,
            interrupted=interrupted,
            target=", ".join(dict.fromkeys(self.plan.bases.values())),
        )

    def _specs(self) -> Sequence[GeneratorSpec]:
        profile = self.profile
        whole = GeneratorSpec(
            self.plan.bases,
            profile.flows,
            profile.seconds,
            profile.timeout,
            max(-(-profile.connections // self.plan.workers), 1),
            workers=self.plan.workers,
            paths=self.plan.paths,
            data=self.platform.prepare(),
        )
        return [replace(whole, worker=number) for number in range(self.plan.workers)]

    def _environ(self, folder: Path) -> Mapping[str, str]:
        path = os.pathsep.join(filter(None, [str(self.root), os.environ.get("PYTHONPATH", "")]))
        return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", RUN_VARIABLE: str(folder)}

    def _begin(self, workers: Sequence[Worker]) -> float:
        """Wait until all generators are ready, and tell them when to begin."""
        until = time.monotonic() + START_SECONDS
        follow(workers, lambda _interval: None, lambda: _starting(workers) and time.monotonic() < until)
        if lost := [worker for worker in workers if not worker.ready]:
            words = lost[0].last_words().splitlines()
            raise OpsError("\n    ".join(["the generator did not start:", *words[-6:]]))
        begin = time.monotonic() + LEAD_SECONDS
        for worker in workers:
            worker.spec.unlink()
            with suppress(BrokenPipeError):
                os.write(worker.begin, f"{begin:.6f}".encode())
        return begin


def _starting(workers: Sequence[Worker]) -> bool:
    return not all(worker.ready for worker in workers)


def _end(workers: Sequence[Worker], collector: Collector) -> None:
    """End the generators now, and take what they still tell."""
    for worker in workers:
        worker.process.terminate()
    until = time.monotonic() + LAST_SECONDS
    follow([worker for worker in workers if worker.open], collector.add, lambda: time.monotonic() < until)
    for worker in workers:
        end_session(worker.process)


def _facts(worker: Worker) -> WorkerFacts:
    words = "" if worker.finished else worker.last_words()
    return WorkerFacts(worker.number, tuple(worker.cpu), worker.finished, words, tuple(worker.timer_delays))


def missing_arrivals(profile: Profile, intervals: Sequence[Interval], elapsed: float) -> int:
    """Return how many requests were due in a time that no generator has told the outcome of."""
    open_keys = {flow.key for flow in profile.flows if flow.stages}
    told = sum(interval.offered for interval in intervals if interval.key in open_keys)
    due = sum(1 for _ in takewhile(lambda arrival: arrival.at <= elapsed, arrivals(profile.flows, profile.seconds)))
    return max(due - told, 0)
