"""The lines below the table of `invoke status`: reports of services, and what is not as it should be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from optimus_ops.status.model import Row, StatusSnapshot, problem


def service_lines(snapshot: StatusSnapshot) -> Iterator[Text]:
    """Yield what services report, once where all replicas of one report the same, and what subsystems add."""
    reporters: dict[tuple[str, str], list[str]] = {}
    for replica in snapshot.state.replicas:
        for line in snapshot.reports.get(replica.id, ()):
            reporters.setdefault((replica.service, line), []).append(replica.name)
    for (service, line), names in reporters.items():
        running = sum(replica.running for replica in snapshot.state.of(service))
        subject = service if len(names) == running else ", ".join(names)
        yield _line(subject, line.removeprefix("!").strip(), warning=line.startswith("!"))
    for offered in snapshot.lines:
        yield _line(offered.subject, offered.text, warning=offered.warning)


def _line(subject: str, text: str, *, warning: bool) -> Text:
    sign, style = ("!", "yellow") if warning else (" ", "")
    return Text.assemble(f"{sign} ", (f"{subject}: ", "dim"), (text, style))


def remarks(snapshot: StatusSnapshot, rows: Sequence[Row]) -> Iterator[Text]:
    """Yield what is not as it should be, and what to do."""
    for row in rows:
        yield from _problems(snapshot, row)
    for difference in snapshot.differences:
        yield Text(f"! {difference.text}", "yellow")
    differing = {difference.service for difference in snapshot.differences}
    stale = [row.service for row in rows if row.stale and row.service not in differing]
    outdated = [row.service for row in rows if row.outdated]
    if stale:
        yield Text(f"* stale: a newer image is built than runs: invoke deploy {' '.join(stale)}", "dim")
    if outdated:
        yield Text(f"* outdated: sources changed since the build: invoke deploy {' '.join(outdated)}", "dim")
    for service, count in snapshot.old_workers.items():
        yield Text(_old_workers(service, count), "dim")
    for note in notes(snapshot):
        yield Text(f"! {note}", "yellow")


def notes(snapshot: StatusSnapshot) -> Iterator[str]:
    """Yield what is left over, and what could not be observed."""
    yield from (f"{line}: invoke up --remove-orphans" for line in snapshot.leftovers.lines)
    yield from snapshot.notes


def _old_workers(service: str, count: int) -> str:
    if count == 1:
        return f"* {service}: 1 worker from before a reload still holds connections; it ends with the last of them"
    return f"* {service}: {count} workers from before a reload still hold connections; each ends with its last one"


def _problems(snapshot: StatusSnapshot, row: Row) -> Iterator[Text]:
    """Yield a line for each replica of a service that is not well, and its last output if it ended."""
    for replica, usage in row.replicas:
        if text := problem(replica, usage, job=row.kind == "job"):
            yield Text(f"! {text}: invoke logs {row.service}", "yellow")
            yield from (Text(f"    {line}", "dim") for line in snapshot.last_lines.get(replica.id, ()))
