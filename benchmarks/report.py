"""Reports of the benchmarks: which there are, and their rendering. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.section import objectives_of, paragraph
from optimus_ops.checks.model import Check
from optimus_ops.reports.measurement import count_verdicts
from optimus_ops.reports.model import Run, Section

METHOD = (
    "Ratios are medians of the ratios of pairs that ran one after the other, so that what else the machine did drops "
    "out. Objectives that were missed are shown as missed. The same command, on a machine that does nothing else, "
    "measures again; the stacks are its own, on free ports, and nothing of them stays. It also writes all samples, as "
    "JSON."
)


@dataclass(frozen=True)
class Subject:
    """What a report is about: its name (on the command line, too), sections by name, arguments that make it again."""

    name: str
    title: str
    sections: Mapping[str, str]
    arguments: str = ""
    remarks: str = ""

    @property
    def command(self) -> str:
        """The command that makes the report again."""
        return f".venv/bin/python -m benchmarks {self.arguments}".rstrip()


PLATFORM = Subject(
    "platform",
    "Benchmarks of the platform",
    {"startup": "Start-up", "scale": "Scale", "footprint": "Footprint", "throughput": "Throughput"},
    remarks=(
        "Search in memory-engine has a report of its own, memory-search.md; so has what clients lose while the "
        "platform changes: changes.md."
    ),
)
CHANGES = Subject(
    "changes",
    "Changes under load",
    {"load": "What clients lose", "growth": "From two to four replicas", "planning": "Planning"},
    arguments="changes",
    remarks="Each change is made by `invoke` and, for comparison, by plain `docker compose` on the same files.",
)
TASKS = Subject(
    "tasks",
    "Time of tasks in two checkouts",
    {"paired": "This checkout beside the other one"},
    arguments="tasks --base FOLDER",
)
CI = Subject("ci", "CI on this machine", {"ci-tasks": "Tasks of CI", "ci-shares": "What a change runs"}, arguments="ci")
CHECK_SECURITY = Subject(
    "check-security",
    "Security of secrets and containers",
    {"check_security": "10,000 objects and the images"},
    arguments="check-security",
)
ROTATION = Subject(
    "rotation",
    "Rotation and validation of secrets",
    {"rotations": "Rotation under load", "validation": "Validation"},
    arguments="rotation",
)
UPSTREAM = Subject(
    "upstream",
    "ai-engine with a provider over HTTP",
    {"upstream": "One replica on one core"},
    arguments="upstream",
)
FAIRNESS = Subject(
    "fairness",
    "A tenant's flood beside another tenant",
    {
        "places": "Connections are short",
        "processor": "The processor is short",
        "embedded": "The processor is all there is",
    },
    arguments="fairness",
    remarks="How places are given to tenants is in ../fairness.md.",
)
AUTOSCALE = Subject(
    "autoscale-simulation",
    "Autoscaling: our rule beside HPA's",
    {"autoscale_rules": "Ten times the traffic", "autoscale_live": "Ten times the traffic, live"},
    arguments="autoscale-simulation",
    remarks=(
        "The simulation's figures are the same on any machine; those of the running stack are not. How the rule works: "
        "docs/autoscale.md."
    ),
)
SPIKE = Subject(
    "load-test-spike",
    "A load test of ten times the arrivals",
    {"load_spike": "What users waited"},
    arguments="load-test-spike",
    remarks="How load tests measure: docs/load-tests.md.",
)
LITELLM = Subject(
    "litellm",
    "ai-engine beside LiteLLM's proxy",
    {"litellm": "Two keys, one process on one core"},
    arguments="litellm",
)
GENERATOR = Subject(
    "generator",
    "The generators of load tests",
    {"generators": "One worker on one core"},
    arguments="generator",
)
GUARDRAILS = Subject(
    "guardrails",
    "Guardrails",
    {
        "guardrails_change": "A change of this repository",
        "guardrails_mcp": "Over MCP",
        "guardrails_contracts": "Import contracts",
    },
    arguments="guardrails",
)
EVAL_GATE = Subject(
    "eval-gate",
    "The gate of evaluations",
    {"eval_gate": "How often it is wrong"},
    arguments="eval-gate",
    remarks="Simulated: the figures are the same on any machine. How the gate decides: ../llm-eval.md.",
)
EVALS = Subject(
    "evals",
    "Runs of evaluations",
    {"evals_run": "Beside the model's own time"},
    arguments="evals",
    remarks="How a run works: ../llm-eval.md.",
)
TELEMETRY = Subject("telemetry", "Cost of telemetry", {"telemetry": "ai-engine on one core"}, arguments="telemetry")
SUBJECTS = (
    PLATFORM,
    CHANGES,
    TASKS,
    CI,
    CHECK_SECURITY,
    ROTATION,
    UPSTREAM,
    LITELLM,
    FAIRNESS,
    AUTOSCALE,
    SPIKE,
    GENERATOR,
    TELEMETRY,
    GUARDRAILS,
    EVAL_GATE,
    EVALS,
)
TITLES = {name: title for subject in SUBJECTS for name, title in subject.sections.items()}


def report(subject: Subject, sections: Sequence[Section], facts: Mapping[str, str]) -> Run:
    """Return a report of sections, with its headline and method."""
    failed = [section.title for section in sections if failures(section)]
    unmeasured = f"; nothing measured of: {', '.join(failed)}" if failed else ""
    objectives = objectives_of(block for section in sections for block in section.blocks)
    method = tuple(paragraph(text) for text in (METHOD, subject.remarks) if text)
    return Run(
        subject.title,
        f"{count_verdicts(objectives)}{unmeasured}.",
        facts,
        (*sections, Section("Method", method)),
        subject.command,
    )


def failed_section(title: str, reason: str) -> Section:
    """Return a section of which nothing could be measured."""
    return Section(title, (Check("", title, "failed", f"not measured: {reason}"),))


def failures(section: Section) -> list[Check]:
    """Return why a section was not measured."""
    return [block for block in section.blocks if isinstance(block, Check)]


def is_complete(run: Run) -> bool:
    """Tell whether everything could be measured, met or missed."""
    unmeasured = any(objective.verdict == "not measured" for objective in objectives_of(run.blocks()))
    return not unmeasured and not any(failures(section) for section in run.sections)
