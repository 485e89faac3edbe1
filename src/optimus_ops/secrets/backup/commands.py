"""`invoke secrets.backup` and `invoke secrets.restore`, from their flags to their last line."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from optimus_ops.change.options import ChangeOptions
from optimus_ops.change.run import ChangeRun
from optimus_ops.errors import Refused
from optimus_ops.secrets.backup.confirm import confirm
from optimus_ops.secrets.backup.make import BackupExecutor, choose_target, plan_backup
from optimus_ops.secrets.backup.passphrase import ask_passphrase, read_passphrase
from optimus_ops.secrets.backup.restore import RestoreExecutor, plan_restore, refuse_foreign, restoration
from optimus_ops.secrets.backup.sealing import choose_sealing, open_backup
from optimus_ops.secrets.backup.unlock import Unlock
from optimus_ops.secrets.difference import difference_lines
from optimus_ops.secrets.environments import own_paths
from optimus_ops.secrets.key_store import KeyStore, missing_file
from optimus_ops.secrets.paths import SecretsPaths
from optimus_ops.secrets.provision import observe, snapshot_of
from optimus_ops.secrets.rotations_under_way import keys_under_rotation
from optimus_ops.secrets.snapshot import Snapshot
from optimus_ops.secrets.version_commands import named_version
from optimus_ops.secrets.versions import WORD
from optimus_ops.text.console import Console, print_json
from optimus_ops.text.units import counted


@dataclass(frozen=True, slots=True)
class BackupRequest:
    """The flags of `secrets.backup`; "" where one is left out."""

    to: str = ""
    recipients: tuple[str, ...] = ()
    key_files: tuple[str, ...] = ()
    passphrase: bool = False
    passphrase_fd: str = ""
    kind: str = ""
    environment: str = ""
    keep: int | None = None


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """The flags of `secrets.restore`; `source` is a file or a version (`@3`)."""

    source: str
    identity: str = ""
    passphrase_fd: str = ""
    environment: str = ""
    yes: bool = False
    force: bool = False


def back_up(request: BackupRequest, options: ChangeOptions, root: Path | None = None) -> None:
    """Write an encrypted backup of a file of secrets."""
    keys = KeyStore.open(request.environment, root)
    key_files = tuple(Path(name) for name in request.key_files)
    by_passphrase = request.passphrase or bool(request.passphrase_fd)
    sealing = choose_sealing(request.kind, request.recipients, key_files, by_passphrase=by_passphrase)
    sealing.check()
    if by_passphrase and not options.plan:
        given = request.passphrase_fd
        secret = read_passphrase(given) if given else ask_passphrase("the backup", twice=True)
        sealing = replace(sealing, passphrase=secret)
    with ChangeRun(keys.state, keys.project, options) as run:
        snapshot = snapshot_of(keys.paths, observe(keys.paths), "secrets.backup")
        if snapshot is None:
            raise missing_file(keys.paths)
        default = keys.state / "secret-backups"
        target = choose_target(request.to, default, request.keep, snapshot, sealing)
        run.execute(plan_backup(snapshot, sealing, target), BackupExecutor(snapshot, sealing))
        run.console.say(f"to see that it can be read: invoke secrets.backup --verify {target.path}")
        run.finish(path=str(target.path), **_facts(snapshot))


def verify(file: str, *, identity: str = "", passphrase_fd: str = "", json: bool = False) -> None:
    """Decrypt a backup in memory, check all of it, and print what it says of itself."""
    snapshot = open_backup(Path(file), _unlock(identity, passphrase_fd))
    if json:
        print_json({"ok": True, "backup": file, **_facts(snapshot)})
        return
    console = Console.standard()
    count = counted(len(snapshot.named), "secret")
    console.say(
        f"{console.paint('✓', '32')} {file}: {snapshot.file} of {snapshot.project}, {count}, of {snapshot.time[:19]}Z;"
        " decrypted, whole, and its checksum is right"
    )


def restore(request: RestoreRequest, options: ChangeOptions, root: Path | None = None) -> None:
    """Put a backup or a version in place of the file of secrets."""
    keys = KeyStore.open("", root)
    with ChangeRun(keys.state, keys.project, options) as run:
        _refuse_amid_rotation(keys)
        paths, source, snapshot = _source(request, keys)
        refuse_foreign(snapshot, source, paths, force=request.force)
        observed = observe(paths, lenient=True)
        found = restoration(snapshot, source, paths, keys.entries, observed, force=request.force)
        plan = plan_restore(found, source, paths, keys.entries, observed)
        if plan:
            for line in difference_lines(found.difference, paths.secrets_file.name, source, run.console):
                run.console.say(line)
            if not (request.yes or options.plan):
                confirm(f"replace {paths.secrets_file.name} by {source}, of {snapshot.time[:19]}Z?", run.console)
        executor = RestoreExecutor(paths, keys.entries, found.document, observed)
        run.execute(plan, executor, difference=asdict(found.difference))
        if plan and paths.delivered:
            run.console.say(
                "`invoke deploy` replaces what runs with other values; back: invoke secrets.restore @latest"
            )
        run.finish(file=paths.secrets_file.name, difference=asdict(found.difference), **_facts(snapshot))


def _source(request: RestoreRequest, keys: KeyStore) -> tuple[SecretsPaths, str, Snapshot]:
    """Return the file to replace, and by what."""
    own = own_paths(keys.paths, request.environment) if request.environment else keys.paths
    if match := WORD.fullmatch(request.source):
        prefix = "" if match["environment"] or not request.environment else request.environment
        version = named_version(prefix + request.source, keys)
        assert version is not None  # noqa: S101 - it is the word of one
        return version
    snapshot = open_backup(Path(request.source), _unlock(request.identity, request.passphrase_fd))
    # An environment without a file of its own shares that of all.
    shared = request.environment and not snapshot.environment and not own.secrets_file.exists()
    return keys.paths if shared else own, Path(request.source).name, snapshot


def _refuse_amid_rotation(keys: KeyStore) -> None:
    if pending := keys_under_rotation(keys.state):
        raise Refused(
            f"a rotation is under way: {', '.join(pending)}",
            "end it first: invoke secrets.rotate --resume, or --rollback",
        )


def _unlock(identity: str, passphrase_fd: str) -> Unlock:
    return Unlock(Path(identity) if identity else None, read_passphrase(passphrase_fd) if passphrase_fd else None)


def _facts(snapshot: Snapshot) -> dict[str, object]:
    known = snapshot.metadata()
    return {key: known[key] for key in ("project", "environment", "time", "keys", "sha256")}
