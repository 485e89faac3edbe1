"""What the machine is that figures were measured on; never its name."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.platform_under_test import Engine


@dataclass(frozen=True)
class Machine:
    """Facts.

    Args:
        cores: processors that this process may use.
        memory: bytes.
        kernel: its release.
        architecture: of the processors.
        python: version that runs the operations library and the load generator.
        engine: version of the container engine.
        load: processes that wanted to run in the minute before the benchmarks began.
    """

    cores: int
    memory: int
    kernel: str
    architecture: str
    python: str
    engine: str
    load: float

    def __str__(self) -> str:
        """Return them in a sentence."""
        return (
            f"{self.cores} cores ({self.architecture}), {self.memory / 2**30:.0f} GiB memory, Linux {self.kernel}, "
            f"Docker Engine {self.engine}, Python {self.python}; load average before the start: {self.load:.1f}"
        )


def look(engine: Engine) -> Machine:
    """Look at this machine and its engine."""
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        kernel=platform.release(),
        architecture=platform.machine(),
        python=platform.python_version(),
        engine=str(engine.api.version()["Version"]),
        load=round(os.getloadavg()[0], 2),
    )
