"""`invoke logs`: the output of replicas, of those that start later too."""

from __future__ import annotations

import contextlib
import select
import sys
from collections.abc import Sequence
from typing import TextIO

from optimus_ops.engine.docker_engine import DockerEngine
from optimus_ops.errors import MissingPrerequisite, OpsError, Refused
from optimus_ops.model.state import State
from optimus_ops.project.settings import Project, load_project
from optimus_ops.status.execute import compose_of
from optimus_ops.status.log_lines import Prefixer
from optimus_ops.status.log_streams import LogStreams
from optimus_ops.text.console import Console

DEFAULT_TAIL = "100"


def follow(services: Sequence[str], *, json: bool) -> None:
    """Follow the replicas of services (of all if empty) until they end or the user stops it.

    With `json`, standard output belongs to the document, and lines go to standard error.
    """
    logs(services, follow=True, tail=DEFAULT_TAIL, to_stderr=json)


def logs(services: Sequence[str], *, follow: bool, tail: str, to_stderr: bool = False) -> None:
    """Print the output of the replicas of services (of all if empty), beginning with their last lines.

    Raises:
        Refused: a service is unknown, or `tail` is neither a number nor `all`.
        MissingPrerequisite: no engine answers, or it stopped answering.
    """
    lines = parse_tail(tail)
    project = load_project()
    engine = DockerEngine.connect()
    console = Console.for_stream(sys.stderr if to_stderr else sys.stdout)
    # Without a time limit: a stream of lines may be silent for hours.
    streams = LogStreams(engine.within(None), project.name, frozenset(services), follow, lines)
    prefixer = Prefixer(project.name, console.colour)
    if follow:
        streams.watch()
    state = engine.observe(project.name)
    check_services(project, state, services)
    replicas = [replica for replica in state.replicas if not services or replica.service in services]
    if not replicas:
        console.say(f"{project.name}: nothing to show, no replica of {', '.join(services) or 'it'} is there")
        return
    for replica in replicas:
        prefixer.add(replica.name)
        streams.add(replica.id, replica.name)
    for batch in streams.batches():
        if reader_gone(console.stream):
            raise BrokenPipeError
        console.stream.write("".join(f"{prefixer.show(line)}\n" for line in batch))
        console.stream.flush()
    if follow:
        if not engine.answers():
            raise MissingPrerequisite("the Docker engine stopped answering", "look at it with: invoke doctor")
        console.say(f"{project.name}: the last of these replicas ended")


def reader_gone(stream: TextIO) -> bool:
    """Tell whether a pipe has no reader any more (`| head`), also while there is nothing to write."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLERR)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False


def parse_tail(text: str) -> int | str:
    """Return a number of lines, or `all`."""
    if text == "all":
        return text
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise Refused(f"--tail {text}: a number of lines or `all` is wanted")
    return int(text)


def check_services(project: Project, state: State, services: Sequence[str]) -> None:
    """Raise `Refused` if a service is neither among the replicas nor in the files."""
    known = {replica.service for replica in state.replicas}
    if set(services) <= known:
        return
    compose = compose_of(project)
    # Files that can't be read name no service; those that have replicas are known all the same.
    with contextlib.suppress(OpsError):
        known |= set(compose.stack().services) if compose else set()
    for name in services:
        if name not in known:
            raise Refused(f"no service {name!r}", f"services: {', '.join(sorted(known)) or 'none'}")
