"""The machine that figures were measured on; never its name."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass

from benchmarks.platform_under_test import Engine


@dataclass(frozen=True)
class Machine:
    """What figures depend on: memory in bytes, load of the minute before the benchmarks began, versions of the rest."""

    cores: int
    memory: int
    kernel: str
    architecture: str
    python: str
    engine: str
    load: float

    @property
    def facts(self) -> dict[str, str]:
        """Name -> value, for people."""
        return {
            "cores": f"{self.cores} ({self.architecture})",
            "memory": f"{self.memory / 2**30:.0f} GiB",
            "Linux": self.kernel,
            "Docker Engine": self.engine,
            "Python": self.python,
            "load average before the start": f"{self.load:.1f}",
        }


def observe_machine(engine: Engine) -> Machine:
    """Observe this machine and its engine."""
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        kernel=platform.release(),
        architecture=platform.machine(),
        python=platform.python_version(),
        engine=str(engine.api.version()["Version"]),
        load=round(os.getloadavg()[0], 2),
    )
