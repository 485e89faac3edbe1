"""`invoke contracts.generate`: each service's offer, written from its sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.change.executor import Handler, StepExecutor
from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.contracts.model import FOLDER, NEEDS, OFFERS, SERVICES
from optimus_ops.contracts.openapi_export import offer_of, services_with_contracts
from optimus_ops.errors import OpsError
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step, step
from optimus_ops.project.settings import load_project
from optimus_ops.text.console import Progress


@step("write-contract", "write {path}")
class WriteContract(Step):
    """Write one file of a contract; `path` is relative to the project."""

    path: str


def generate_offers(options: ChangeOptions) -> None:
    """Write each service's offer from its sources, and a first empty list of needs."""
    project = load_project()
    with ChangeRun(project.state, project.name, options) as run:
        with run.observing("the sources"):
            services = services_with_contracts(project.root)
            texts = generated_files(project.root, services)
        run.execute(plan_generate(project.name, project.root, texts), ContractWriter(project.root, texts))
        run.finish({"services": services})


def generated_files(root: Path, services: tuple[str, ...]) -> Mapping[str, str]:
    """Return path -> text of the files that are made from the sources, and of missing lists of needs."""
    texts: dict[str, str] = {}
    for service in services:
        folder = f"{SERVICES}/{service}/{FOLDER}"
        texts[f"{folder}/{OFFERS}"] = offer_of(root, service)
        if not (root / folder / NEEDS).exists():
            texts[f"{folder}/{NEEDS}"] = "{}\n"
    return texts


def plan_generate(project: str, root: Path, texts: Mapping[str, str]) -> Plan:
    """Return what is written: files that are missing or have another text."""
    found = {path: _text_of(root / path) for path in texts}
    causes = {
        path: Cause("there is none yet", "missing") if found[path] is None else Cause("the sources changed", "sources")
        for path, text in texts.items()
        if found[path] != text
    }
    return Plan(project, "contracts", tuple(WriteContract(path=path, cause=cause) for path, cause in causes.items()))


@dataclass
class ContractWriter(StepExecutor):
    """Writes files of contracts (path in the project -> text), and puts the old ones back."""

    root: Path
    texts: Mapping[str, str]

    @property
    def handlers(self) -> Mapping[type[Step], Handler]:
        """Return what carries a step out."""
        return {WriteContract: self._write}

    def applied(self, step: Step) -> bool:
        """Tell whether the file has its text already."""
        return isinstance(step, WriteContract) and _text_of(self.root / step.path) == self.texts[step.path]

    @contextmanager
    def translated(self, step: Step) -> Iterator[None]:
        """Turn errors of the file system into `OpsError`."""
        try:
            yield
        except OSError as error:
            raise OpsError(f"{step.text}: {error.strerror}") from error

    def _write(self, step: WriteContract, _: Progress) -> None:
        path = self.root / step.path
        before = path.read_bytes() if path.is_file() else None
        self.undo_stack.push(f"{step.path} as before", lambda: _restore(path, before))
        path.write_text(self.texts[step.path], "utf-8")


def _text_of(path: Path) -> str | None:
    return path.read_text("utf-8", "replace") if path.is_file() else None


def _restore(path: Path, content: bytes | None) -> None:
    try:
        if content is not None:
            path.write_bytes(content)
        elif path.exists():
            path.unlink()
    except OSError as error:
        raise OpsError(f"{path}: {error.strerror}") from error
