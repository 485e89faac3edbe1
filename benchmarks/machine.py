"""The machine that figures were measured on; never its name."""

from __future__ import annotations

import os
import platform


def machine_facts() -> dict[str, str]:
    """Return what figures depend on: the machine, its load just now, versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": f"{len(os.sched_getaffinity(0))} ({platform.machine()})",
        "memory": f"{memory / 2**30:.0f} GiB",
        "Linux": platform.release(),
        "Python": platform.python_version(),
        "load average before the start": f"{os.getloadavg()[0]:.1f}",
    }
