"""`invoke status`: what runs, of what is wanted."""

from __future__ import annotations

import sys
from pathlib import Path

from optimus_ops.engine.compose_port import Compose
from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.engine.port import Engine
from optimus_ops.project.settings import Project, load_project
from optimus_ops.stack import overlays
from optimus_ops.status.document import status_json
from optimus_ops.status.model import make_rows
from optimus_ops.status.remarks import notes
from optimus_ops.status.render import status_text
from optimus_ops.status.snapshot import observe
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.layout import layout_columns


def status(*, json: bool, root: Path | None = None) -> None:
    """Print the table, or one JSON document."""
    project = load_project(root)
    with Console.for_stream(sys.stderr).step(f"observing {project.name}"):
        engine = DockerEngine.connect()
        snapshot = observe(engine, compose_of(project, engine), project)
    rows = make_rows(snapshot)
    console = Console.standard()
    if json:
        print_json(status_json(snapshot, rows))
    elif snapshot.state.replicas:
        console.stream.write(status_text(snapshot, rows, colour=console.colour, columns=layout_columns(sys.stdout)))
    else:
        console.say(f"{project.name}: nothing runs")
        scalable = snapshot.stack.scalable if snapshot.stack else ()
        console.say(f"  start it with: invoke {f'scale --{scalable[0]} 3' if scalable else 'up'}")
        for note in notes(snapshot):
            console.say(f"! {note}")


def compose_of(project: Project, engine: Engine | None = None) -> Compose | None:
    """Return the project's files, with the overlays that run on the engine; None where one is missing."""
    if not all(path.is_file() for path in project.always):
        return None
    return overlays.compose_of(project, engine.files(project.name) if engine else ())
