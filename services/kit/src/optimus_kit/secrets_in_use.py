"""Fingerprints of the secrets that each process of a replica uses now; as a script, prints those of all processes.

A process writes `<pid>.json` into the folder `secrets-in-use` of its temporary folder whenever it has read secrets
anew. `python -I -S …/secrets_in_use.py` in the container prints one JSON document:

    {"processes": [{"pid": 7, "secrets": {"REDIS_PASSWORD": "<hex HMAC-SHA256(key, NAME + NUL + VALUE)>"}}]}

The key is the secret SECRETS_FINGERPRINT_KEY: whoever has it can tell whether a value is the one in use, and nobody can
guess values from the document. Imports nothing but the standard library: it also runs without site-packages.
"""

import hashlib
import hmac
import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

KEY = "SECRETS_FINGERPRINT_KEY"
FOLDER = "secrets-in-use"


def default_folder() -> Path:
    """Return where the processes of this container write: below TMPDIR, else below /tmp."""
    return Path(os.environ.get("TMPDIR") or "/tmp") / FOLDER  # noqa: S108 - the folder made in it is checked


def fingerprint(key: str, name: str, value: str) -> str:
    """Return the fingerprint of a secret's value (without surrounding white space, as services read it)."""
    return hmac.new(key.encode(), f"{name}\0{value}".encode(), hashlib.sha256).hexdigest()


class SecretsInUse:
    """What this process says of the secrets that it uses.

    Args:
        folder: where it is written.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or default_folder()
        self._tidied = False

    def report(self, secrets: Mapping[str, str]) -> None:
        """Replace what this process said before. Without a key among the secrets it says nothing.

        Raises:
            OSError: it can't be written.
        """
        pid = os.getpid()
        path = self._folder / f"{pid}.json"
        key = secrets.get(KEY)
        if key is None:
            path.unlink(missing_ok=True)
            return
        self._prepare()
        found = {name: fingerprint(key, name, value) for name, value in sorted(secrets.items()) if name != KEY}
        _replace(path, json.dumps({"pid": pid, "started": _started(pid), "secrets": found}))

    def _prepare(self) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        found = self._folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise PermissionError(f"{self._folder} is not a folder of this user alone")
        if not self._tidied:
            self._tidied = True
            for path in self._folder.glob("*.json"):
                if _living(path) is None:
                    path.unlink(missing_ok=True)


def _replace(path: Path, text: str) -> None:
    # mkstemp: 0600 from the first byte, and never through a link.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(temporary, path)  # noqa: PTH105 - both names are in one folder
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def processes(folder: Path) -> Iterator[dict[str, object]]:
    """Yield what the processes that live say, by process id."""
    found = (_living(path) for path in folder.glob("*.json"))
    documents = [document for document in found if document is not None]
    for document in sorted(documents, key=lambda document: document["pid"]):
        yield {"pid": document["pid"], "secrets": document["secrets"]}


def _living(path: Path) -> dict[str, Any] | None:
    """Return what a file says if its process lives; its start tells it from a later one with the same id."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return document if _started(document["pid"]) == document["started"] else None


def _started(pid: int) -> int:
    """Return when a process started, in clock ticks since the machine did; 0 where it has ended.

    Format: proc_pid_stat(5); the state is field 3, the start field 22.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in {"Z", "X"} else int(fields[19])


if __name__ == "__main__":
    json.dump({"processes": list(processes(default_folder()))}, sys.stdout)
    print()
