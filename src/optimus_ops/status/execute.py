"""`invoke status`: what runs, of what is wanted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.project.settings import load_project
from optimus_ops.stack import overlays
from optimus_ops.status.document import status_json
from optimus_ops.status.model import make_rows
from optimus_ops.status.render import status_text
from optimus_ops.status.snapshot import look
from optimus_ops.text.console import Console, layout_columns, print_json

if TYPE_CHECKING:
    from pathlib import Path

    from optimus_ops.engine.compose_port import Compose
    from optimus_ops.engine.port import Engine
    from optimus_ops.project.settings import Project


def status(*, json: bool, root: Path | None = None) -> None:
    """Print the table, or the document.

    Args:
        json: whether to print one JSON document.
        root: the checkout; the current folder if not given.

    Raises:
        MachineLacks: no engine answers.
        Refused: the project's settings are malformed.
    """
    project = load_project(root)
    with Console.for_stream(sys.stderr).step(f"looking at {project.name}"):
        engine = DockerEngine.connect()
        sighting = look(engine, compose_of(project, engine), project.name)
    rows = make_rows(sighting)
    console = Console.standard()
    if json:
        print_json(status_json(sighting, rows))
    elif not sighting.state.replicas:
        console.say(f"{project.name}: nothing runs")
        own = sighting.stack is not None and "ai-engine" in sighting.stack.services
        console.say(f"  start it with: invoke {'scale --ai-engine 3' if own else 'up'}")
        left = [f"{line}: invoke up --remove-orphans" for line in sighting.leftovers.lines]
        for note in (*left, *sighting.notes):
            console.say(f"! {note}")
    else:
        columns = layout_columns(sys.stdout)
        console.stream.write(status_text(sighting, rows, colour=console.colour, columns=columns))


def compose_of(project: Project, engine: Engine | None = None) -> Compose | None:
    """Return the project's files, or None where one is missing: what runs can be seen without.

    Args:
        project: the checkout.
        engine: where the stack runs, whose overlays are among the files; None to leave them out.
    """
    if not all(path.is_file() for path in project.always):
        return None
    return overlays.compose_of(project, engine.files(project.name) if engine else ())
