"""`invoke doctor`: the machine and the checkout, a verdict per check and what to do."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

from optimus_ops.doctor import checks, host_facts
from optimus_ops.doctor.checks import Check
from optimus_ops.engine.leftovers import observe_leftovers
from optimus_ops.engine.observe import Docker
from optimus_ops.engine.subnets import read_problems
from optimus_ops.errors import MachineLacks, OpsError
from optimus_ops.model.leftovers import Leftovers
from optimus_ops.model.state import State
from optimus_ops.project.settings import load_project, overlay_file
from optimus_ops.secrets import SecretsPaths, validate
from optimus_ops.stack.observed_inputs import WantedStack
from optimus_ops.stack.overlays import STAYING
from optimus_ops.stack.overlays import compose_of as overlaid
from optimus_ops.status.execute import compose_of
from optimus_ops.text.console import Console, layout_columns, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from optimus_ops.doctor.checks import EngineFacts
    from optimus_ops.engine.compose import Compose
    from optimus_ops.model.stack import Stack
    from optimus_ops.model.subnets import SubnetProblem
    from optimus_ops.project.settings import Project
    from optimus_ops.text.console import Progress

MARKS = {"ok": ("✓", "32"), "warn": ("!", "33"), "fail": ("✗", "31")}


def doctor(*, json: bool, root: Path | None = None) -> None:
    """Look at everything and print the verdicts.

    Args:
        json: whether to print one JSON document.
        root: the checkout; the current folder if not given.

    Raises:
        MachineLacks: a check failed because the machine lacks something.
        OpsError: another check failed.
        Refused: the project's settings are malformed.
    """
    project = load_project(root)
    with Console.for_stream(sys.stderr).step("looking at the machine") as progress:
        made = tuple(examine(project, progress))
    code = checks.exit_code(made)
    if json:
        print_json({"ok": code == 0, "checks": [asdict(check) for check in made]})
    else:
        console = Console.standard()
        columns = layout_columns(sys.stdout)
        for line in report(made, console, columns):
            console.say(line)
    if code:
        failed = ", ".join(check.name for check in made if check.verdict == "fail")
        error = MachineLacks if code == MachineLacks.exit_code else OpsError
        raise error(f"doctor: {failed}", "each line above says what to do")


def examine(project: Project, progress: Progress) -> Iterator[Check]:
    """Look at one thing after the other; what needs a missing one is left out.

    Args:
        project: the checkout.
        progress: told what is looked at.
    """
    engine, why = _connect()
    facts = host_facts.read_engine(engine) if engine else None
    yield checks.check_engine(facts, why)
    progress.show("tools")
    tools = host_facts.read_tools()
    yield from checks.check_tools(tools)
    if facts is not None:
        yield checks.check_disk(facts.folder, host_facts.free_space(facts.folder))
    progress.show("Compose files")
    compose = compose_of(project, engine)
    wanted, files = _wanted(project, compose, parsable=tools.compose is not None)
    stack = wanted.stack if wanted else None
    yield from files
    state = engine.observe(project.name) if engine else State(project.name)
    if stack is not None:
        yield from _of_stack(stack, state, engine, facts, progress)
    if engine and wanted:
        yield checks.check_subnets(*_subnets(project, engine, wanted))
    progress.show("checkout")
    yield checks.check_state(project.state, writable=host_facts.writable(project.state))
    yield _secrets(project)
    yield checks.check_packages(host_facts.read_packages(project.root / "requirements" / "dev.txt"))
    left = Leftovers()
    if engine and compose and wanted:
        left = observe_leftovers(engine, compose, wanted.document, wanted.stack, state)
    yield checks.check_leftovers(state, stack, host_facts.abandoned_files(project), left)
    yield checks.check_clock(facts, host_facts.clock_behind(project.root))


def _connect() -> tuple[Docker | None, str]:
    try:
        return Docker.connect(timeout=10.0), ""
    except MachineLacks as error:
        return None, error.message


def _wanted(
    project: Project, compose: Compose | None, *, parsable: bool
) -> tuple[WantedStack | None, tuple[Check, ...]]:
    if compose is None:
        where = f"{project.compose.name}/{project.base}"
        hint = "name the folder in [tool.optimus-ops] of pyproject.toml"
        return None, (Check("files", "warn", f"no Compose file {where}", hint),)
    if not parsable:
        return None, ()
    try:
        wanted = WantedStack.read(compose)
    except OpsError as error:
        return None, (Check("files", "fail", error.message, error.hint or "mend them, then: docker compose config"),)
    names = ", ".join(path.name for path in compose.files)
    return wanted, (Check("files", "ok", f"{names}: {len(wanted.stack.services)} services"),)


def _subnets(
    project: Project, engine: Docker, wanted: WantedStack
) -> tuple[tuple[SubnetProblem, ...], tuple[SubnetProblem, ...]]:
    """Return what is in the way of the stack's networks now, and with the overlays that a flag adds."""
    staying = [name for name in STAYING if (project.compose / overlay_file(project.base, name)).is_file()]
    now = read_problems(engine, wanted.document)
    try:
        document = overlaid(project, engine.files(project.name), staying).document()
    except OpsError:
        # What these files lack is told by whoever asks for them.
        return now, ()
    return now, read_problems(engine, document)


def _of_stack(
    stack: Stack, state: State, engine: Docker | None, facts: EngineFacts | None, progress: Progress
) -> Iterator[Check]:
    if facts is not None:
        yield checks.check_memory(stack, facts.memory, host_facts.available_memory())
        yield checks.check_cores(stack, facts.cpus)
    published = [port for service in stack.services.values() for port in service.published]
    yield checks.check_ports(host_facts.taken_ports(stack, state), published)
    if engine is not None:
        progress.show("images")
        yield checks.check_images(host_facts.read_images(stack, engine))


def _secrets(project: Project) -> Check:
    paths = SecretsPaths.of(project)
    if not paths.described:
        return Check("secrets", "ok", f"the project has no {paths.example.name} that describes its secrets")
    try:
        findings = validate(*paths)
    except OpsError as error:
        return Check("secrets", "fail", error.message, error.hint or "")
    return checks.check_secrets(findings, exists=paths.secrets_file.exists(), name=paths.secrets_file.name)


def report(made: Sequence[Check], console: Console, columns: int | None = None) -> Iterator[str]:
    """Give a line for each check, one more for what to do, and a sum at the end.

    Args:
        made: the verdicts.
        console: says whether colours are welcome.
        columns: width at which lines are broken; None for lines of any length.
    """
    width = max(len(check.name) for check in made)
    for check in made:
        sign, code = MARKS[check.verdict]
        said = [*check.found.splitlines(), *([f"→ {check.hint}"] if check.hint else [])]
        room = max(columns - width - 4, 20) if columns else sys.maxsize
        first, *rest = [part for line in said for part in textwrap.wrap(line, room, break_on_hyphens=False)] or [""]
        yield f"{console.paint(sign, code)} {check.name:<{width}}  {first}"
        for part in rest:
            yield f"  {'':<{width}}  {part}"
    counts = {verdict: sum(check.verdict == verdict for check in made) for verdict in MARKS}
    yield f"{len(made)} checks: {counts['ok']} ok, {counts['warn']} to look at, {counts['fail']} failed"
