"""Which values the replicas of a stack use now, by the keyed fingerprints that each of their processes reports."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from optimus_ops.engine.errors import EngineRefused, NoSuchThing
from optimus_ops.engine.port import Engine
from optimus_ops.model.stack import Service, Stack
from optimus_ops.model.state import Replica
from optimus_ops.secrets.entry import Entry
from optimus_ops.secrets.value import Secret
from optimus_ops.system.process import CommandFailed

FINGERPRINT_KEY = "SECRETS_FINGERPRINT_KEY"
COMMAND_LABEL = "com.optimus.secrets-in-use"
"""Names, on a service, the command that prints what its processes use."""
USUAL_COMMAND = "python -I -S /opt/app/optimus_kit/secrets_in_use.py"
ASK_SECONDS = 10.0

Wanted = Mapping[str, str | None]
"""Key -> fingerprint of the value that has to be in use; None: no value."""


def fingerprint(key: Secret, name: str, value: Secret) -> str:
    """Return the fingerprint of a value, without surrounding white space, as services read it."""
    text = f"{name}\0{value.reveal().strip()}"
    return hmac.new(key.reveal().strip().encode(), text.encode(), sha256).hexdigest()


def wanted_fingerprints(values: Mapping[str, Secret], key: Secret) -> Wanted:
    """Return the fingerprints of values; None for those that are empty."""
    return {name: fingerprint(key, name, value) if value else None for name, value in values.items()}


@dataclass(frozen=True)
class Readers:
    """Who reads some keys: service -> keys, by the folders that its containers mount, whatever it is called."""

    keys: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, stack: Stack, secrets: Path, entries: Mapping[str, Entry], keys: Sequence[str]) -> Readers:
        """Return the services of a stack that read keys and report what they use.

        `secrets` is the folder with the services' folders. A database that reads its password at its start reports
        nothing, and is none of them; jobs read what is there when they run.
        """
        reporting = set(entries[FINGERPRINT_KEY].consumers) if FINGERPRINT_KEY in entries else None
        found = {}
        for name, service in stack.services.items():
            folders = _folders(service, secrets.resolve())
            if name in stack.jobs or (reporting is not None and not folders & reporting):
                continue
            if read := tuple(key for key in keys if folders & set(entries[key].consumers)):
                found[name] = read
        return cls(found)


def _folders(service: Service, secrets: Path) -> set[str]:
    """Return the names of the folders of secrets that a service mounts."""
    paths = (Path(found.path).resolve() for found in service.inputs if found.path)
    return {path.relative_to(secrets).parts[0] for path in paths if path.is_relative_to(secrets) and path != secrets}


def uses(engine: Engine, replica: Replica, wanted: Wanted) -> str:
    """Return "" if every process of a replica uses what is wanted, else what is wrong in a few words."""
    if not replica.running or replica.health == "unhealthy":
        return replica.condition or "does not run"
    command = (replica.labels.get(COMMAND_LABEL) or USUAL_COMMAND).split()
    try:
        answer = engine.exec(replica.id, command, seconds=ASK_SECONDS)
    except (CommandFailed, EngineRefused, NoSuchThing):
        return "does not answer"
    processes = _processes(answer.stdout) if answer.code == 0 else []
    if not processes:
        return "does not say what it uses"
    late = {key for found in processes for key, value in wanted.items() if found.get(key) != value}
    return f"uses another {', '.join(sorted(late))}" if late else ""


def _processes(text: str) -> list[Mapping[str, Any]]:
    """Return what each process says; nothing where any says what can't be read."""
    try:
        processes = json.loads(text)["processes"]
        found = [process["secrets"] for process in processes]
    except (ValueError, KeyError, TypeError):
        return []
    return found if all(isinstance(secrets, dict) for secrets in found) else []
