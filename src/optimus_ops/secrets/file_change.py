"""A change of a file of secrets as a whole: the file, its version before, services' files; its undo puts all back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from optimus_ops.change.undo_stack import UndoStack
from optimus_ops.errors import OpsError
from optimus_ops.secrets import store
from optimus_ops.secrets.ages import Origin
from optimus_ops.secrets.dotenv import Document
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.plan import Observed
from optimus_ops.secrets.provision import commit, deliver, note_ages, observe, snapshot_of


def change_file(
    paths: SecretsPaths,
    entries: Mapping[str, Entry],
    undo_stack: UndoStack,
    edit: Callable[[Observed], Document],
    task: str,
    changed: Mapping[str, Origin],
    *,
    lenient: bool = False,
) -> None:
    """Change a file of secrets: `edit` gets what is there now, and returns what is to be there.

    `task` is the one that does it ("secrets.set"); `changed` says how values that are new get theirs; `lenient`: a file
    that is malformed is changed, too.
    """
    store.prepare_folder(paths.secrets_dir)
    with store.locked(paths.secrets_dir):
        store.remove_leftovers(paths.secrets_file)
        # Read again: the file may have been edited since the plan was made.
        observed = observe(paths, lenient=lenient)
        document = edit(observed)
        undo_stack.push(f"put {paths.secrets_file.name} back", lambda: _put_back(paths, entries, observed))
        commit(paths, entries, observed, document, task, changed)


def _put_back(paths: SecretsPaths, entries: Mapping[str, Entry], before: Observed) -> None:
    with store.locked(paths.secrets_dir):
        if before.stored is None:
            _remove(paths)
        else:
            store.write(paths.secrets_file, before.stored.content, before.stored.mode)
        if before.document is not None:
            deliver(paths, entries, before.document.values, observe(paths))
            note_ages(paths, before.document.values, {})
        kept = snapshot_of(paths, before, "undo")
        if kept is not None and paths.versions is not None:
            paths.versions.forget(kept)


def _remove(paths: SecretsPaths) -> None:
    try:
        paths.secrets_file.unlink(missing_ok=True)
    except OSError as error:
        raise OpsError(f"{paths.secrets_file.name} can't be removed: {error.strerror}") from None
