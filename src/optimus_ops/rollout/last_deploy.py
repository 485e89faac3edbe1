"""What the last deploy replaced: the services that `rollback --last` takes back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from optimus_ops.change.history import Outcome, read_history
from optimus_ops.errors import Refused
from optimus_ops.model.state import State


def replaced_by_last_deploy(journal: Path, project: str) -> Mapping[str, tuple[str, ...]]:
    """Return service -> ids of the images that it ran before, () where they stayed, of the last deploy that ended well.

    Raises:
        Refused: there was none, or it was rolled back already, or it replaced nothing.
    """
    changes = (change for change in read_history(journal, project).changes if change.outcome is Outcome.DONE)
    last = next((change for change in changes if change.purpose in {"deploy", "rollback"}), None)
    if last is None:
        raise Refused(f"the journal of {project} has no deploy", "name the services: invoke rollback SERVICE")
    if last.purpose == "rollback":
        raise Refused(f"change {last.id} rolled the last deploy back already", "name the services to go on from there")
    if not last.replaced:
        raise Refused(f"the last deploy (change {last.id}) replaced no service", "invoke history shows what it did")
    return last.replaced


def with_another_image(replaced: Mapping[str, tuple[str, ...]], state: State) -> tuple[str, ...]:
    """Return the services that run another image than before; others got another configuration."""
    running = {name: {replica.image_id for replica in state.running(name)} for name in replaced}
    return tuple(name for name, before in replaced.items() if before and not running[name] & set(before))
