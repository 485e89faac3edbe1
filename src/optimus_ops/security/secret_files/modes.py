"""Who can read and replace files of secrets: modes, owners, links, access lists, and the folders above them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from optimus_ops.reports.place import Place
from optimus_ops.security.model import ScanFinding
from optimus_ops.security.outcome import Outcome
from optimus_ops.security.rule import Rule

OPEN_FILE = Rule(
    "files", "open-to-others", "critical", "a private file that group or others can read or write", "chmod 600 FILE"
)
OPEN_FOLDER = Rule(
    "files", "open-folder", "high", "a private folder that group or others can enter", "chmod 700 FOLDER"
)
WRITABLE = Rule(
    *("files", "writable-parent", "high", "a folder above secrets that others may put files into"),
    "chmod go-w FOLDER; a sticky bit (/tmp) is not enough for secrets",
)
OWNER = Rule("files", "owner", "high", "a private file that belongs to another user", "chown it to who runs the stack")
LINK = Rule(
    "files", "link", "high", "a private file that is a symbolic link or has further names", "put the file itself there"
)
ACCESS_LIST = Rule(
    "files",
    "access-list",
    "high",
    "a private file whose access list lets further users in",
    "setfacl --remove-all FILE",
)
COPY = Rule(
    *("files", "copy", "high", "a copy of a file of secrets that an editor or a person left"),
    "remove it: shred -u FILE",
)
PROJECTED = Rule(
    *("files", "projected-mode", "high", "a file that a service reads and that somebody could change or run"),
    "invoke secrets.init sets it to 0444",
)
RULES = (OPEN_FILE, OPEN_FOLDER, WRITABLE, OWNER, LINK, ACCESS_LIST, COPY, PROJECTED)
OTHERS = stat.S_IRWXG | stat.S_IRWXO
COPIES = re.compile(r".*(?:~|\.sw[a-p]|\.bak|\.orig|\.old|\.save|\.copy|\.rej|#)$|^#.*")
TEMPORARY = re.compile(r".*\.[0-9a-f]{16}\.tmp")
PRIVATE_IN_STATE = re.compile(r"secret|rotation|\.key$", re.IGNORECASE)
"""Names in the state folder that hold keys or values; logs and plans have none in them."""
ACCESS_LISTS = ("system.posix_acl_access", "system.posix_acl_default")


@dataclass(frozen=True)
class PrivatePaths:
    """What is to be private: files of secrets, the folder of those that services read, the state folder."""

    root: Path
    files: tuple[Path, ...]
    projected: Path
    state: Path


def check_modes(paths: PrivatePaths, user: int) -> Outcome:
    """Look at all private files; `user` is the id of who asks (root looks after files of others)."""
    files = list(paths.files)
    private = list(private_in_state(paths))
    findings = [finding for path in files for finding in _file(paths, path, user)]
    for path in private:
        findings += _file(paths, path, user) if not path.is_dir() else _folder(paths, path)
    findings += [
        finding
        for path in _copies(paths)
        for finding in [COPY.finding(f"{_shown(paths, path)} is a copy", _place(paths, path))]
    ]
    findings += _projection(paths)
    findings += _parents(paths, [*files, *private])
    return Outcome(f"{len(files)} files of secrets, {len(private)} private files and folders of ours", tuple(findings))


def _file(paths: PrivatePaths, path: Path, user: int) -> Iterator[ScanFinding]:
    place, name = _place(paths, path), _shown(paths, path)
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        yield LINK.finding(f"{name} is a symbolic link", place)
        return
    mode = stat.S_IMODE(found.st_mode)
    if mode & (OTHERS | stat.S_ISUID):
        yield OPEN_FILE.finding(f"{name} has mode {mode:04o}", place, hint=f"chmod 600 {name}")
    if user not in {0, found.st_uid}:
        yield OWNER.finding(f"{name} belongs to user {found.st_uid}", place)
    if found.st_nlink > 1:
        yield LINK.finding(
            f"{name} has {found.st_nlink} names", place, hint=f"find the others: find / -samefile {name}"
        )
    yield from _access_list(paths, path)


def _folder(paths: PrivatePaths, path: Path) -> Iterator[ScanFinding]:
    mode = stat.S_IMODE(path.lstat().st_mode)
    if mode & OTHERS:
        name = _shown(paths, path)
        yield OPEN_FOLDER.finding(f"{name} has mode {mode:04o}", _place(paths, path), hint=f"chmod 700 {name}")
    yield from _access_list(paths, path)


def _access_list(paths: PrivatePaths, path: Path) -> Iterator[ScanFinding]:
    try:
        listed = set(os.listxattr(path, follow_symlinks=False))
    except OSError:
        # The file system has none.
        return
    if listed.intersection(ACCESS_LISTS):
        yield ACCESS_LIST.finding(f"{_shown(paths, path)} has an access list", _place(paths, path))


def _projection(paths: PrivatePaths) -> Iterator[ScanFinding]:
    """Services' containers run as other users: the folder above keeps others out, and files are read-only."""
    if not paths.projected.is_dir():
        return
    yield from _folder(paths, paths.projected)
    for path in _tree(paths.projected, itself=False):
        found = path.lstat()
        mode = stat.S_IMODE(found.st_mode)
        place, name = _place(paths, path), _shown(paths, path)
        if stat.S_ISLNK(found.st_mode):
            yield LINK.finding(f"{name} is a symbolic link", place)
        elif path.is_dir():
            if mode & (stat.S_IWGRP | stat.S_IWOTH):
                yield PROJECTED.finding(f"{name} has mode {mode:04o}", place, hint=f"chmod 755 {name}")
        elif path.name != ".optimus-secrets" and mode & 0o333:
            yield PROJECTED.finding(f"{name} has mode {mode:04o}", place)


def _parents(paths: PrivatePaths, private: list[Path]) -> Iterator[ScanFinding]:
    folders = {
        parent for path in [*private, paths.projected / "x"] if os.path.lexists(path.parent) for parent in path.parents
    }
    for folder in sorted(folders):
        found = folder.stat()
        # Further up, a sticky folder keeps others from renaming what isn't theirs.
        near = folder == paths.root or paths.root in folder.parents
        loose = found.st_mode & stat.S_IWOTH and (near or not found.st_mode & stat.S_ISVTX)
        if loose or (near and found.st_mode & stat.S_IWGRP):
            name = _shown(paths, folder)
            message = f"{name} has mode {stat.S_IMODE(found.st_mode):04o}"
            yield WRITABLE.finding(message, _place(paths, folder), hint=f"chmod go-w {name}")


def private_in_state(paths: PrivatePaths) -> Iterator[Path]:
    """Give the files and folders of the state folder that hold keys or values."""
    if not paths.state.is_dir():
        return
    for path in sorted(paths.state.iterdir()):
        if path != paths.projected and PRIVATE_IN_STATE.search(path.name):
            yield from _tree(path)
        elif path.is_dir():
            # Keys of digests lie beside what they were made of.
            yield from sorted(path.glob("*.key"))


def _tree(path: Path, *, itself: bool = True) -> Iterator[Path]:
    """Give a file, or a folder and all that is in it; links are not followed."""
    if itself and os.path.lexists(path):
        yield path
    for folder, folders, files in os.walk(path):
        yield from (Path(folder, name) for name in sorted([*folders, *files]))


def _copies(paths: PrivatePaths) -> Iterator[Path]:
    for folder in {paths.root, *(path.parent for path in paths.files)}:
        for path in sorted(folder.iterdir()):
            secret = ".env.secrets" in path.name or any(file.name in path.name for file in paths.files)
            if secret and (COPIES.fullmatch(path.name) or TEMPORARY.fullmatch(path.name)):
                yield path


def _shown(paths: PrivatePaths, path: Path) -> str:
    return str(path.relative_to(paths.root)) if path.is_relative_to(paths.root) else str(path)


def _place(paths: PrivatePaths, path: Path) -> Place:
    return Place(_shown(paths, path))
