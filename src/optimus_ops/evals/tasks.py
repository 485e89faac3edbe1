"""`invoke llm-eval`, `evals.*` and `prompts.*`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from optimus_ops.commandline.flag_types import Amount, Count
from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from invoke.collection import Collection
    from invoke.context import Context

    from optimus_ops.engine.service_names import ServiceNames

Repeats = Annotated[int, Count(most=100, noun="a number of answers is a whole number", hint=None)]
Workers = Annotated[int, Count(most=64, noun="a number of requests is a whole number", hint=None)]
JSON = "print one JSON document on standard output"
Dollars = Annotated[float, Amount(most=100_000, noun="US dollars")]


@task(
    name="llm-eval",
    iterable=["suite"],
    help={
        "suite": "suite of evals/suites (repeatable; default: all)",
        "model": "model to ask, of those that the project names (default: the first)",
        "prompt": "file that takes the place of the prompt of its name, or a folder of prompts",
        "baseline": "commit or branch whose prompts are compared with, or report of an earlier run (with --gate: main)",
        "repeats": "the candidate's answers to each case (1)",
        "workers": "requests at once (8)",
        "budget": "US dollars after which nothing more is asked",
        "gate": "fail where the candidate is proven worse than the baseline",
        "report": "folder for the report: HTML, Markdown, JSON, JUnit",
        "plan": "show what would be asked and what it costs, and ask nothing",
        "json": JSON,
    },
)
def llm_eval(
    _: Context,
    suite: list[str],
    model: str = "",
    prompt: str = "",
    baseline: str = "",
    repeats: Repeats = 1,
    workers: Workers = 8,
    budget: Dollars | None = None,
    gate: bool = False,
    report: str = "",
    plan: bool = False,
    json: bool = False,
) -> None:
    """Judge answers of a model by suites of cases, and compare prompts with their baseline."""
    from optimus_ops.evals.command import llm_eval as run
    from optimus_ops.evals.request import EvalRequest

    request = EvalRequest(tuple(suite), model, prompt, baseline, repeats, workers, budget, gate, report, plan)
    run(request, json=json)


@task(
    iterable=["suite"],
    positional=("file",),
    help={
        "file": "file to write, a JSON document a line",
        "suite": "suite of evals/suites (repeatable; default: all)",
        "model": "model to ask, of those that the project names (default: the first)",
        "repeats": "answers to each case (1)",
        "workers": "requests at once (8)",
        "budget": "US dollars after which nothing more is asked",
    },
)
def record(
    _: Context,
    file: str,
    suite: list[str],
    model: str = "",
    repeats: Repeats = 1,
    workers: Workers = 8,
    budget: Dollars | None = None,
) -> None:
    """Record a model's answers to the cases, for runs that can't ask it."""
    from optimus_ops.evals.record import record
    from optimus_ops.evals.request import EvalRequest

    record(EvalRequest(tuple(suite), model, repeats=repeats, workers=workers, budget=budget), file)


@task(
    iterable=["expect"],
    help={
        "trace": "id of a trace, a traceparent, or a line that has one",
        "suite": "suite of JSON lines that the case is added to, made where it is missing (production)",
        "reason": "why the case is there",
        "expect": "text that the answer has to have (repeatable)",
        "tempo": "address of the store of traces (default: that of the running stack)",
    },
)
def add(
    _: Context, expect: list[str], trace: str = "", suite: str = "production", reason: str = "", tempo: str = ""
) -> None:
    """Add a case from a conversation that really was, redacted, by the content that its trace has."""
    from optimus_ops.evals.add_case import AddRequest, add_case

    add_case(AddRequest(trace, suite, reason, tuple(expect), tempo))


@task(
    iterable=["suite"],
    help={
        "suite": "suite of evals/suites (repeatable; default: all)",
        "model": "model to ask, of those that the project names (default: the first)",
        "workers": "requests at once (8)",
        "budget": "US dollars after which nothing more is asked",
        "json": JSON,
    },
)
def aa_test(
    _: Context,
    suite: list[str],
    model: str = "",
    workers: Workers = 8,
    budget: Dollars | None = None,
    json: bool = False,
) -> None:
    """Measure how often the gate blocks unchanged prompts, by a model's own answers."""
    from optimus_ops.evals.aa_test import aa_test
    from optimus_ops.evals.request import EvalRequest

    aa_test(EvalRequest(tuple(suite), model, workers=workers, budget=budget), json=json)


@task(
    positional=("before", "now"),
    help={
        "before": "report or JSON file of a run",
        "now": "report or JSON file of another run",
        "report": "folder for the report: HTML, with both answers of each case beside one another, Markdown, JSON",
        "json": JSON,
    },
)
def compare(_: Context, before: str, now: str, report: str = "", json: bool = False) -> None:
    """Compare two runs case by case, those that got worse first."""
    from optimus_ops.evals.compare import compare

    compare(before, now, report=report, json=json)


@task(positional=("folder",), help={"folder": "folder with reports of runs", "json": JSON})
def history(_: Context, folder: str, json: bool = False) -> None:
    """Show the trend of each suite and model over the runs of a folder."""
    from optimus_ops.evals.history import history

    history(folder, json=json)


@task(
    iterable=["var"],
    positional=("name",),
    help={
        "name": "name of the prompt",
        "var": "NAME=VALUE, or NAME=@FILE, of a variable (repeatable)",
        "tenant": "tenant whose own text is preferred",
        "locale": "locale, such as pt-BR (default: the prompt's)",
        "json": JSON,
    },
)
def show(_: Context, name: str, var: list[str], tenant: str = "", locale: str = "", json: bool = False) -> None:
    """Show a prompt as a model would see it."""
    from optimus_ops.evals.show_prompt import show_prompt

    show_prompt(name, var, tenant, locale, json=json)


def add_tasks(namespace: Collection, _services: ServiceNames) -> None:
    """Add `llm-eval`, `evals.*` and `prompts.*`."""
    from invoke.collection import Collection

    namespace.add_task(llm_eval)
    namespace.add_collection(Collection("evals", record, compare, history, aa_test, add))
    namespace.add_collection(Collection("prompts", show))
