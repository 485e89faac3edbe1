"""`invoke evals.record`: a model's answers to the cases, for runs that can't ask it."""

from __future__ import annotations

import sys
from pathlib import Path

from optimus_ops.errors import OpsError, Refused
from optimus_ops.evals.collect import Wanted
from optimus_ops.evals.command import answer_cache, arms_of, open_collector
from optimus_ops.evals.platform import load_platform
from optimus_ops.evals.recording import Recorder
from optimus_ops.evals.request import EvalRequest, chosen_suites
from optimus_ops.evals.run import CANDIDATE, KEPT_SECONDS
from optimus_ops.project.settings import load_project
from optimus_ops.text.console import Console


def record(request: EvalRequest, file: str) -> None:
    """Ask for what is not kept from before, and write all answers into a file.

    Raises:
        Refused: there is no such suite or model, or the model is a recording itself.
        OpsError: an answer is missing; nothing is written then.
    """
    project = load_project()
    platform = load_platform(project)
    endpoint = platform.endpoint(request.model)
    if endpoint.recording or endpoint.deterministic:
        raise Refused(f"--model {request.model or endpoint.model}: there is nothing to record of it")
    suites = chosen_suites(request.suites, platform, project.root)
    rendered = [each for arms in arms_of(request, suites, platform, endpoint, project.root) for each in arms.candidate]
    wanted = [Wanted(CANDIDATE, each, repeat, KEPT_SECONDS) for each in rendered for repeat in range(request.repeats)]
    recorder = Recorder()
    console = Console.for_stream(sys.stderr)
    with (
        answer_cache(project) as answers,
        open_collector(request, endpoint, project, answers) as collector,
        console.step(f"{len(wanted):,} answers") as progress,
    ):

        def note(done: int, total: int) -> None:
            progress.note = f"{done:,}/{total:,}"

        collector.note = note
        with collector.limits.interruptible():
            found = collector.collect(wanted)
        if collector.limits.interruption:
            raise collector.limits.interruption
        missing = [each for each in wanted if found[each.ticket].answer is None]
        if missing:
            why = f"{missing[0].rendered.case.id}: {found[missing[0].ticket].error}"
            raise OpsError(
                f"{len(missing)} of {len(wanted)} answers are missing: {why}",
                "nothing is written; run it again: what is there is kept",
            )
        for each in wanted:
            answer = found[each.ticket].answer
            if answer:
                recorder.add(collector.question(each), answer)
    count = recorder.write(Path(file))
    Console.standard().say(f"wrote {file}: {count:,} answers")
