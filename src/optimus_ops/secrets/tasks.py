"""`invoke secrets.*`: the operator's secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from optimus_ops.commandline.change_task import change_task
from optimus_ops.commandline.flag_types import Count
from optimus_ops.commandline.task_decorator import task

if TYPE_CHECKING:
    from invoke.context import Context

    from optimus_ops.change.options import ChangeOptions

Kept = Annotated[int, Count(most=999, noun="a number of backups to keep is a whole number", hint=None)]

JSON = "print one JSON document"
COMPARED = "a file, the name of an environment, or a version (@3, @latest, staging@3)"
ENVIRONMENT = "name of an environment: its file .env.secrets.NAME if there is one, else .env.secrets"


@change_task(help={"environment": "complete the file .env.secrets.NAME of this environment, and no service's files"})
def init(_: Context, options: ChangeOptions, environment: str = "") -> None:
    """Generate missing secrets and write each service's secret files."""
    from optimus_ops.secrets import commands

    commands.init(options, environment=environment)


@task(
    name="validate",
    help={"json": JSON, "environment": ENVIRONMENT, "report": "folder for a report (Markdown, HTML, JSON)"},
)
def validate(_: Context, json: bool = False, environment: str = "", report: str = "") -> None:
    """Check .env.secrets: what is missing, malformed, unknown, too old, too open or kept by git."""
    from optimus_ops.secrets import check_command

    check_command.check(json=json, environment=environment, report=report)


@task(name="list", help={"json": JSON, "environment": ENVIRONMENT})
def list_(_: Context, json: bool = False, environment: str = "") -> None:
    """List the secrets: state, age, where from and who reads them; never a value."""
    from optimus_ops.secrets import key_commands

    key_commands.show_list(json=json, environment=environment)


@task(
    positional=("a", "b"),
    help={"a": COMPARED, "b": COMPARED, "json": JSON},
)
def diff(_: Context, a: str, b: str, json: bool = False) -> None:
    """Compare two files of secrets, environments or versions, without showing a value."""
    from optimus_ops.secrets import key_commands

    key_commands.show_diff(a, b, json=json)


@change_task(
    iterable=("recipient", "key_file"),
    help={
        "to": "new file, or folder for one (.optimus/secret-backups)",
        "recipient": "who may read it: full fingerprint of a key (GnuPG), or age1…; repeatable",
        "key-file": "file with recipients' public keys of GnuPG, where the keyring lacks them; repeatable",
        "passphrase": "encrypt with a passphrase, which is asked for",
        "passphrase-fd": "descriptor to read the passphrase from; with --verify, that of the backup or its key",
        "kind": "gpg or age, with a passphrase (gpg); recipients say it themselves",
        "environment": ENVIRONMENT,
        "keep": "remove older backups of the same file from the folder, so that this many are left",
        "verify": "decrypt this backup in memory and check it, and write nothing",
        "identity": "with --verify: file of the private key (GnuPG: else the keyring's)",
    },
)
def backup(
    _: Context,
    options: ChangeOptions,
    recipient: list[str],
    key_file: list[str],
    to: str = "",
    passphrase: bool = False,
    passphrase_fd: str = "",
    kind: str = "",
    environment: str = "",
    keep: Kept | None = None,
    verify: str = "",
    identity: str = "",
) -> None:
    """Write an encrypted backup of the file of secrets, for recipients or with a passphrase."""
    from optimus_ops.secrets.backup import commands

    if verify:
        commands.verify(verify, identity=identity, passphrase_fd=passphrase_fd, json=options.json)
        return
    request = commands.BackupRequest(
        to, tuple(recipient), tuple(key_file), passphrase, passphrase_fd, kind, environment, keep
    )
    commands.back_up(request, options)


@change_task(
    positional=("source",),
    help={
        "source": "file of a backup, or a version: @3, @latest",
        "identity": "file of the private key (GnuPG: else the keyring's)",
        "passphrase-fd": "descriptor to read the passphrase of the backup, or of its key, from",
        "environment": "replace the file .env.secrets.NAME of this environment",
        "yes": "don't ask",
        "force": "also of another project, with keys that nobody knows, or with values that were rotated away",
    },
)
def restore(
    _: Context,
    options: ChangeOptions,
    source: str,
    identity: str = "",
    passphrase_fd: str = "",
    environment: str = "",
    yes: bool = False,
    force: bool = False,
) -> None:
    """Restore a backup or a version (verified first, compared, asked, undone on failure)."""
    from optimus_ops.secrets.backup import commands

    commands.restore(
        commands.RestoreRequest(source, identity, passphrase_fd, environment, yes=yes, force=force), options
    )


@task(help={"json": JSON, "environment": ENVIRONMENT})
def versions(_: Context, json: bool = False, environment: str = "") -> None:
    """List what the file of secrets was before each change, by number, time and names; never a value."""
    from optimus_ops.secrets import version_commands

    version_commands.show_versions(json=json, environment=environment)


@task(positional=("key",), help={"key": "name of the secret", "environment": ENVIRONMENT})
def get(_: Context, key: str, environment: str = "") -> None:
    """Print the value of one secret."""
    from optimus_ops.secrets import key_commands

    key_commands.print_value(key, environment=environment)


@change_task(
    name="set",
    positional=("key",),
    help={
        "key": "name of the secret; its value is asked for, or read from standard input",
        "environment": "change the file .env.secrets.NAME of this environment",
        "clear": "make it empty",
    },
)
def set_(_: Context, options: ChangeOptions, key: str, environment: str = "", clear: bool = False) -> None:
    """Set the value of one secret, also in the files of the services that read it."""
    from optimus_ops.secrets import set_command

    set_command.change_value(key, options, environment=environment, clear=clear)


@task(help={"service": "only what this service reads", "environment": ENVIRONMENT})
def run(_: Context, service: str = "", environment: str = "") -> None:
    """Run the command behind `--` with the secrets in its environment."""
    from optimus_ops.secrets import key_commands

    key_commands.run(service, environment=environment)
