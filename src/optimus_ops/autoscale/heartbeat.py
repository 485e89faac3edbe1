"""A heartbeat: until when the autoscaler says to be heard of again; as a program, the container's health check."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from optimus_ops.system.clock import boot_seconds

VARIABLE = "OPTIMUS_HEARTBEAT"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A file with a time in seconds since the machine's start; without a path, nothing is written."""

    path: Path | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Return the heartbeat of `OPTIMUS_HEARTBEAT`."""
        return cls(Path(name) if (name := environ.get(VARIABLE)) else None)

    def expect(self, seconds: float) -> None:
        """Say that the next beat comes within some seconds.

        Raises:
            OSError: the file can't be written.
        """
        if self.path is not None:
            self.path.write_text(f"{boot_seconds() + seconds:.0f}\n")

    def alive(self) -> bool:
        """Tell whether the time that was said is not over yet."""
        try:
            return self.path is not None and boot_seconds() <= float(self.path.read_text())
        except (OSError, ValueError):
            return False


NO_HEARTBEAT = Heartbeat()


if __name__ == "__main__":
    sys.exit(0 if Heartbeat.of(os.environ).alive() else 1)
