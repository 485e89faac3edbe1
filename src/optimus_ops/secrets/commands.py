"""`invoke secrets.init`: names and what was done, never values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from optimus_ops.change.executor import StepExecutor
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step
from optimus_ops.plan.steps import WriteSecrets
from optimus_ops.project.settings import load_project
from optimus_ops.secrets.environments import own_paths
from optimus_ops.secrets.paths import SecretsPaths, described_paths
from optimus_ops.secrets.plan import SecretsPlan
from optimus_ops.secrets.provision import ensure, plan
from optimus_ops.text.console import Progress

MOST_NAMES = 6


def init(options: ChangeOptions, root: Path | None = None, environment: str = "") -> None:
    """Generate missing secrets and write each service's secret files; of an environment, its own file alone."""
    project = load_project(root)
    paths = described_paths(project)
    if environment:
        paths = own_paths(paths, environment)
    with ChangeRun(project.state, project.name, options) as run:
        planned = plan(paths)
        executor = SecretsExecutor(paths)
        run.execute(secrets_plan(project.name, planned), executor, **asdict(planned))
        done = executor.done or planned
        run.console.say("\n".join(summary(done, paths.secrets_file.name)))
        run.finish(**done.done_json())


def secrets_plan(project: str, planned: SecretsPlan) -> Plan:
    """Return the step that writes secrets; none if everything is as it should be."""
    if planned.nothing_to_do:
        return Plan(project, "secrets.init")
    files = len(planned.write) + len(planned.remove)
    reasons = [
        *(["the operator's file is missing"] if planned.create else ()),
        *(["the operator's file is open to others"] if planned.tighten else ()),
        *([f"{', '.join(planned.generate)} missing"] if planned.generate else ()),
        *([f"{files} files of services differ"] if files else ()),
    ]
    step = WriteSecrets(names=planned.generate, cause=Cause("; ".join(reasons), "secret"))
    return Plan(project, "secrets.init", (step,))


@dataclass
class SecretsExecutor(StepExecutor):
    """Writes secrets. Nothing is undone: a value that was generated is durable before a service can depend on it."""

    paths: SecretsPaths
    done: SecretsPlan | None = None

    @property
    def handlers(self) -> Mapping[type[Step], Callable[..., None]]:
        """Return step type -> what carries it out."""
        return {WriteSecrets: self._write}

    def _write(self, _step: WriteSecrets, _progress: Progress) -> None:
        self.done = ensure(self.paths)


def listed(names: Sequence[str]) -> str:
    """Return names, the first few of many."""
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES} more (invoke secrets.list)"


def summary(done: SecretsPlan, name: str) -> Sequence[str]:
    """Return lines that say what was done to the operator's file and to the services' files."""
    lines = [
        *([f"{name} created (mode 0600, not in git)"] if done.create else ()),
        *([f"{name} closed to others (mode 0600)"] if done.tighten else ()),
        *([f"generated: {', '.join(done.generate)}"] if done.generate else ()),
    ]
    if files := (*done.write, *done.remove):
        counts = Counter(file.partition("/")[0] for file in files)
        by_service = ", ".join(f"{service} ({count})" for service, count in counts.items())
        lines.append(f"files for the services brought up to date: {by_service}")
    lines = lines or [f"{name} is complete; nothing to do"]
    if done.empty_optional:
        lines.append(f"empty, which is fine: {listed(done.empty_optional)}")
    return lines
