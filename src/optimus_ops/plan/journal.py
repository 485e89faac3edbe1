"""What was done: one JSON line per event, in a file per change. No secret value ever gets there: steps hold none."""

from __future__ import annotations

import getpass
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from optimus_ops.plan.render import plan_json

if TYPE_CHECKING:
    from pathlib import Path

    from optimus_ops.plan.steps import Plan


@dataclass(frozen=True)
class Journal:
    """The file of one change."""

    path: Path

    @classmethod
    def begin(cls, folder: Path, plan: Plan) -> Journal:
        """Open the file of a change and write who does what."""
        folder.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC)
        journal = cls(folder / f"{now:%Y%m%dT%H%M%S.%fZ}-{plan.project}.jsonl")
        journal.write("begin", user=getpass.getuser(), pid=os.getpid(), plan=plan_json(plan))
        return journal

    def write(self, event: str, **facts: Any) -> None:
        """Append one event."""
        line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts})
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, line.encode() + b"\n")
        finally:
            os.close(descriptor)
