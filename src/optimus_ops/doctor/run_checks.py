"""The sequence of checks; what depends on something that is missing is left out."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from optimus_ops.checks.model import Check
from optimus_ops.doctor import host_checks, host_facts, stack_checks
from optimus_ops.doctor.model import DoctorContext
from optimus_ops.doctor.packages import check_packages, read_packages
from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.docker_host import plugin_version
from optimus_ops.engine.leftovers import observe_leftovers
from optimus_ops.engine.port import Engine
from optimus_ops.engine.start_checks import read_problems
from optimus_ops.errors import MissingPrerequisite, OpsError
from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.state import State
from optimus_ops.model.subnets import SubnetProblem
from optimus_ops.project.settings import Project
from optimus_ops.project.subsystems import offered_modules, subsystem_name
from optimus_ops.stack.observed_inputs import WantedStack
from optimus_ops.stack.overlays import compose_of as overlaid
from optimus_ops.status.execute import compose_of
from optimus_ops.text.console import Progress


def run_checks(project: Project, progress: Progress) -> Iterator[Check]:
    """Yield a check for each thing that can be checked."""
    engine, why = _connect()
    facts = host_facts.read_engine(engine) if engine else None
    yield host_checks.check_engine(facts, why)
    progress.show("tools")
    compose_version = plugin_version("compose")
    yield host_checks.check_plugin("compose", compose_version, host_checks.OLDEST_COMPOSE)
    yield host_checks.check_plugin("buildx", plugin_version("buildx"))
    if facts is not None:
        yield host_checks.check_disk(facts.folder, host_facts.free_space(facts.folder))
    progress.show("Compose files")
    compose = compose_of(project, engine)
    wanted, files = _read_files(project, compose, parsable=compose_version is not None)
    yield from files
    context = DoctorContext(
        project,
        wanted.stack if wanted else None,
        engine.observe(project.name) if engine else State(project.name),
        engine,
    )
    if context.stack is not None:
        if facts is not None:
            yield host_checks.check_memory(context.stack, facts.memory, host_facts.available_memory())
            yield host_checks.check_cores(context.stack, facts.cpus)
        published = [port for service in context.stack.services.values() for port in service.published]
        yield stack_checks.check_ports(host_facts.taken_ports(context.stack, context.state), published)
    if engine and wanted:
        yield stack_checks.check_subnets(*_subnet_problems(project, engine, wanted))
    for module in offered_modules("doctor_checks", project.subsystems):
        progress.show(subsystem_name(module))
        yield from subsystem_checks(module, context)
    progress.show("checkout")
    yield stack_checks.check_state(project.state, writable=host_facts.writable(project.state))
    yield check_packages(read_packages(project.root / "requirements" / "dev.txt"))
    left = Leftovers()
    if engine and compose and wanted:
        left = observe_leftovers(engine, compose, wanted.document, wanted.stack, context.state)
    yield stack_checks.check_leftovers(context.state, context.stack, host_facts.abandoned_files(project), left)
    yield host_checks.check_clock(facts, host_facts.clock_behind(project.root))


def subsystem_checks(module: ModuleType, context: DoctorContext) -> Iterator[Check]:
    """Yield the checks of a subsystem; one that fails by itself is a failed check."""
    try:
        yield from module.doctor_checks(context)
    except OpsError as error:
        yield Check("stack", subsystem_name(module), "failed", error.message, error.hint or "")


def _connect() -> tuple[Engine | None, str]:
    try:
        return DockerEngine.connect(timeout=10.0), ""
    except MissingPrerequisite as error:
        return None, error.message


def _read_files(
    project: Project, compose: Compose | None, *, parsable: bool
) -> tuple[WantedStack | None, tuple[Check, ...]]:
    if compose is None:
        where = f"{project.compose.name}/{project.base}"
        hint = "name the folder in [tool.optimus-ops] of pyproject.toml"
        return None, (Check("stack", "files", "warning", f"no Compose file {where}", hint),)
    if not parsable:
        return None, ()
    try:
        wanted = WantedStack.read(compose)
    except OpsError as error:
        hint = error.hint or "mend them, then: docker compose config"
        return None, (Check("stack", "files", "failed", error.message, hint),)
    names = ", ".join(path.name for path in compose.files)
    return wanted, (Check("stack", "files", "ok", f"{names}: {len(wanted.stack.services)} services"),)


def _subnet_problems(
    project: Project, engine: Engine, wanted: WantedStack
) -> tuple[tuple[SubnetProblem, ...], tuple[SubnetProblem, ...]]:
    """Return conflicts of the stack's networks now, and with the overlays that a flag adds."""
    now = read_problems(engine, wanted.document)
    try:
        document = overlaid(project, engine.files(project.name), project.optional_overlays).document()
    except OpsError:
        # What these files lack is reported to whoever asks for them.
        return now, ()
    return now, read_problems(engine, document)
