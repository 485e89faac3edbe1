"""`invoke secrets.set`, from its flags to its last line."""

from __future__ import annotations

from pathlib import Path

from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import Refused
from optimus_ops.secrets import set_value
from optimus_ops.secrets.environments import own_paths
from optimus_ops.secrets.key_store import KeyStore
from optimus_ops.secrets.rotations_under_way import keys_under_rotation
from optimus_ops.secrets.value import Secret


def change_value(
    key: str, options: ChangeOptions, *, environment: str = "", clear: bool = False, root: Path | None = None
) -> None:
    """Set one value, and bring the files of the services that read it up to date."""
    keys = KeyStore.open(environment, root)
    entry = keys.entry(key)
    if environment and own_paths(keys.paths, environment).secrets_file != keys.paths.secrets_file:
        raise Refused(
            f"{environment} has no file of its own: it shares {keys.paths.secrets_file.name}",
            f"leave --environment out, or make one: invoke secrets.init --environment {environment}",
        )
    if keys.paths.delivered and key in keys_under_rotation(keys.state):
        raise Refused(f"{key} is being rotated", "end that first: invoke secrets.rotate --resume, or --rollback")
    value = Secret("") if clear else set_value.ask(key)
    set_value.check_value(entry, value, keys.paths.secrets_file.name)
    with ChangeRun(keys.state, keys.project, options) as run:
        planned = set_value.plan_set(keys.project, keys.paths, entry, value)
        run.execute(planned, set_value.SetExecutor(keys.paths, keys.entries, value))
        if planned and keys.paths.delivered and entry.readers:
            run.console.say(
                f"read by {', '.join(entry.readers)}; `invoke deploy` replaces what runs with the old value"
            )
        run.finish(key=key, file=keys.paths.secrets_file.name)
