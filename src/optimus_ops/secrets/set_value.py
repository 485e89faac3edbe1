"""`invoke secrets.set`: one value, from a prompt or standard input, into the file and to the services that read it."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from optimus_ops.change.executor import StepExecutor
from optimus_ops.errors import Refused
from optimus_ops.plan.cause import Cause
from optimus_ops.plan.step import Plan, Step, step
from optimus_ops.secrets import projection
from optimus_ops.secrets.dotenv import Document
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.file_change import change_file
from optimus_ops.secrets.key_store import missing_file
from optimus_ops.secrets.notation import write_value
from optimus_ops.secrets.operator_input import at_terminal, read_value
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.plan import Observed
from optimus_ops.secrets.provision import observe
from optimus_ops.secrets.validate import check_values, refuse
from optimus_ops.secrets.value import Secret
from optimus_ops.text.console import Progress


@step("set-secret", "set {key} in {file}{_delivered}")
class SetSecret(Step):
    """Write one value into a file of secrets, and the files of the services that read it."""

    key: str
    file: str
    services: tuple[str, ...] = ()

    @property
    def _delivered(self) -> str:
        return f", and in the files of {', '.join(self.services)}" if self.services else ""


def ask(key: str) -> Secret:
    """Read a value: typed without echo at a terminal, else all of standard input but one line end.

    Raises:
        Refused: there is none, or it is too long.
    """
    if at_terminal():
        try:
            value = Secret(getpass.getpass(f"Value of {key} (not shown): "))
        except EOFError:
            value = Secret("")
    else:
        value = read_value(key)
    if not value:
        raise Refused(f"no value for {key} was given", f"to make it empty: invoke secrets.set {key} --clear")
    return value


def check_value(entry: Entry, value: Secret, file: str) -> None:
    """Refuse a value that the schema or the file can't take."""
    refuse(check_values({entry.key: entry}, {entry.key: value}), file)
    write_value(entry.key, value)


def plan_set(project: str, paths: SecretsPaths, entry: Entry, value: Secret) -> Plan:
    """Return the step that sets a value; none if it is the file's already, and with the services.

    Raises:
        Refused: there is no file yet.
    """
    observed = observe(paths)
    if observed.document is None:
        raise missing_file(paths)
    before = observed.document.values.get(entry.key)
    services = entry.readers if paths.delivered else ()
    if before != value:
        cause = Cause(f"{entry.key} {'has another value' if before else 'has no value'}", "requested")
    elif _outdated(entry, value, observed, services):
        # An earlier run was killed between the two.
        cause = Cause("the files of services differ from it", "interrupted")
    else:
        return Plan(project, "secrets.set")
    return Plan(
        project,
        "secrets.set",
        (SetSecret(key=entry.key, file=paths.secrets_file.name, services=services, cause=cause),),
    )


def _outdated(entry: Entry, value: Secret, observed: Observed, services: tuple[str, ...]) -> bool:
    files = projection.desired({entry.key: entry}, {entry.key: value}) if services else {}
    return bool(projection.changed(files, observed.projected))


@dataclass
class SetExecutor(StepExecutor):
    """Sets a value; its undo puts the file and the services' files back."""

    paths: SecretsPaths
    entries: Mapping[str, Entry]
    value: Secret

    @property
    def handlers(self) -> Mapping[type[Step], Callable[..., None]]:
        """Return step type -> what carries it out."""
        return {SetSecret: self._set}

    def _set(self, set_step: SetSecret, _progress: Progress) -> None:
        key = set_step.key

        def edited(observed: Observed) -> Document:
            if observed.document is None:
                raise missing_file(self.paths)
            return observed.document.with_value(key, self.value, self.entries[key].description)

        change_file(self.paths, self.entries, self.undo_stack, edited, "secrets.set", {key: "set"})
